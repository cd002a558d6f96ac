"""How long something takes: a constant, or a draw from a distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_Z99 = 2.326_347_874  # the standard normal distribution's 99th percentile
_LONGEST = 86_400.0
CLOUD = "cloud"


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds between `low` and `high`: evenly, or log-normally when there is a `spread`.

    Attributes:
        low: At least this many.
        high: At most this many.
        median: Of the log-normal distribution.
        spread: Its sigma; 0 for an even distribution.
    """

    low: float
    high: float
    median: float = 0.0
    spread: float = 0.0

    @classmethod
    def of(cls, wanted: object) -> Delay:
        """Read a delay as people write it.

        Args:
            wanted: Seconds; or `{"min": …, "max": …}` for an even distribution; or
                `{"median": …, "p99": …}` for a log-normal one, as latencies are; or "cloud", a
                latency as within a region: median 5 ms, 99th percentile 60 ms.

        Raises:
            ValueError: It is none of these.
        """
        if wanted == CLOUD:
            wanted = {"median": 0.005, "p99": 0.06}
        if isinstance(wanted, Delay):
            return wanted
        if isinstance(wanted, dict):
            return cls._distributed(wanted)
        seconds = _seconds(wanted)
        return cls(seconds, seconds)

    @classmethod
    def _distributed(cls, wanted: Mapping[str, object]) -> Delay:
        names = set(wanted)
        if names == {"min", "max"}:
            low, high = _seconds(wanted["min"]), _seconds(wanted["max"])
            if low <= high:
                return cls(low, high)
        elif names == {"median", "p99"}:
            median, p99 = _seconds(wanted["median"]), _seconds(wanted["p99"])
            if 0 < median < p99:
                return cls(0.0, 10 * p99, median, math.log(p99 / median) / _Z99)
        raise ValueError(
            'a delay is a number of seconds, {"min", "max"}, {"median", "p99"}, or "cloud"; '
            "the smaller number first"
        )

    def draw(self, chance: Callable[[], float]) -> float:
        """Seconds; `chance` gives numbers from 0 up to, not including, 1."""
        if not self.spread:
            return self.low + (self.high - self.low) * chance()
        normal = math.sqrt(-2 * math.log(1 - chance())) * math.cos(2 * math.pi * chance())
        return min(self.high, max(self.low, self.median * math.exp(self.spread * normal)))

    def document(self) -> object:
        """The delay as `of` reads it."""
        if self.spread:
            return {"median": self.median, "p99": round(self.high / 10, 9)}
        return self.low if self.low == self.high else {"min": self.low, "max": self.high}


def _seconds(value: object) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= _LONGEST:
        return float(value)
    raise ValueError(f"a delay has from 0 to {_LONGEST:.0f} seconds, not {value!r}")
