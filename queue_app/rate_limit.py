"""A rate for each caller: a bucket of tokens that fills again."""

from collections import OrderedDict
from collections.abc import Callable

_MAX_CALLERS = 10_000


class RateLimit:
    """Lets each caller do so much a second, and twice that at once after a rest.

    Args:
        per_second: how many requests; 0 for no limit.
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, per_second: float, clock: Callable[[], float]) -> None:
        self._per_second = per_second
        self._burst = max(1.0, 2 * per_second)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __bool__(self) -> bool:
        return self._per_second > 0

    def wait(self, caller: str) -> float:
        """Take a token; 0 when there was one, else the seconds until there will be."""
        now = self._clock()
        tokens, at = self._buckets.pop(caller, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._per_second)
        has_one = tokens >= 1
        self._buckets[caller] = (tokens - 1 if has_one else tokens, now)
        if len(self._buckets) > _MAX_CALLERS:
            self._buckets.popitem(last=False)  # it rested longest, and loses nothing
        return 0.0 if has_one else (1 - tokens) / self._per_second
