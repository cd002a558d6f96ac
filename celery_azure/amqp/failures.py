"""What is done about an error of our own in a driver: it is told once, and not every moment."""

from __future__ import annotations

import signal
import traceback

from kombu.log import get_logger

logger = get_logger(__name__)

_TELL_AGAIN_SECONDS = 60.0


def reason_of(error: BaseException) -> str:
    """An error in one line."""
    return (str(error).splitlines() or [""])[0] or type(error).__name__


def is_from_signal_handler(failure: BaseException) -> bool:
    """Whether a signal handler has raised it, in the middle of what has failed by that.

    That is meant for whoever was interrupted, such as Celery's `SoftTimeLimitExceeded`. A handler
    that is written in C (the one of Ctrl-C) is not known by this; what that raises is no
    `Exception`.
    """
    frames = {frame.f_code for frame, _ in traceback.walk_tb(failure.__traceback__)}
    handlers = (signal.getsignal(number) for number in signal.valid_signals())
    return any(getattr(handler, "__code__", None) in frames for handler in handlers)


class FailureLog:
    """Logs what fails, the same thing once a minute."""

    def __init__(self) -> None:
        self._told: tuple[str, float] | None = None

    def tell(self, failure: Exception, now: float) -> None:
        """Log it with where it happened, unless that was done a moment ago."""
        text = f"{type(failure).__name__}: {reason_of(failure)}"
        if self._told is not None and self._told[0] == text and now < self._told[1]:
            return
        self._told = text, now + _TELL_AGAIN_SECONDS
        logger.error(
            "An error of our own has ended the connection to Service Bus, it begins anew: %s",
            text,
            exc_info=failure,
        )
