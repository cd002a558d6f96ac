"""Signal handlers that raise, as Celery's soft time limit does."""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType


class Interruption(BaseException):
    """Plays what a signal handler raises."""


@contextmanager
def handler_that_raises(failure: BaseException) -> Iterator[Callable[[], None]]:
    """What to call to be interrupted by a handler that raises this; for the main thread."""

    def handler(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise failure

    before = signal.signal(signal.SIGTERM, handler)
    try:
        yield lambda: signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
