"""When a job is tried again: how often, after how long, and for which errors.

    from queue_app.retries import TryAgain, retrying

    @retrying(attempts=8, on=(SmtpBusy,))
    def process(data): ...

A job whose error is not worth another attempt is a FAILURE at once. One that was tried as often as
its policy allows is a FAILURE too, and its message goes to the dead-letter queue with the last
error, from where it can be sent again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from queue_app.errors import Unavailable

_Work = TypeVar("_Work", bound=Callable[..., Any])
_ATTRIBUTE = "retry_policy"


class TryAgain(Exception):  # noqa: N818 - it is a wish
    """Raise it from the work of a job when a later attempt may succeed.

    Args:
        reason: what went wrong; clients see it if this was the last attempt.
        after: seconds until the next attempt; None for those of the policy.
    """

    def __init__(self, reason: str = "", after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a task is tried again.

    Attributes:
        attempts: how often a job runs at most, the first time included.
        first_seconds: how long the first pause is; each one is twice as long as the one before.
        longest_seconds: no pause is longer.
        on: the errors that are worth another attempt. `TryAgain` always is.
    """

    attempts: int = 5
    first_seconds: float = 2.0
    longest_seconds: float = 300.0
    on: tuple[type[BaseException], ...] = (ConnectionError, TimeoutError, Unavailable)

    def __post_init__(self) -> None:
        if self.attempts < 1 or self.first_seconds < 0 or self.longest_seconds < 0:
            raise ValueError("attempts are at least 1, and pauses not negative")

    def covers(self, error: BaseException) -> bool:
        """Whether an error is worth another attempt."""
        return isinstance(error, (TryAgain, *self.on))

    def has_more(self, retries: int) -> bool:
        """Whether a job that was tried again so often may be tried once more."""
        return retries + 1 < self.attempts

    def pause(self, retries: int, error: BaseException, chance: float) -> float:
        """Seconds until the next attempt.

        Args:
            retries: how often the job was tried again before.
            error: what went wrong; a `TryAgain` may say when.
            chance: from 0 to 1. Pauses are between a half and the whole of what they would be, so
                that jobs that failed together do not come again together.
        """
        if isinstance(error, TryAgain) and error.after is not None:
            return max(0.0, error.after)
        whole = min(self.longest_seconds, self.first_seconds * 2.0 ** min(retries, 60))
        return whole * (0.5 + chance / 2)


def retrying(**changes: Any) -> Callable[[_Work], _Work]:
    """Give the work of a task a policy of its own.

    Args:
        changes: fields of `RetryPolicy`; the settings hold for what is not given.
    """
    RetryPolicy(**changes)  # a mistake shows where it is made

    def mark(work: _Work) -> _Work:
        setattr(work, _ATTRIBUTE, changes)
        return work

    return mark


def policy_of(work: Callable[..., Any], default: RetryPolicy) -> RetryPolicy:
    """The policy of a task's work: the default, with what `retrying` has changed."""
    return replace(default, **getattr(work, _ATTRIBUTE, {}))
