"""The end of the service: what runs is finished, what is new is refused, streams say goodbye."""

import asyncio
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from queue_app.errors import TooManyStreams

_log = logging.getLogger(__name__)


class Lifecycle:
    """Whether the service is closing, and how many answers it keeps open for their clients.

    Args:
        max_streams: how many clients may wait for changes at the same time.
        grace_seconds: how long to go on, refusing new jobs and readiness, before the server is
            told to stop: load balancers need that time to notice.
    """

    def __init__(self, max_streams: int, grace_seconds: float = 0) -> None:
        self.is_closing = False
        self.streams = 0
        self._max_streams = max_streams
        self._grace_seconds = grace_seconds

    def close(self) -> None:
        """Refuse new jobs from now on, and let streams end."""
        if not self.is_closing:
            self.is_closing = True
            _log.info("Closing: new jobs are refused, what has begun is finished.")

    def admit_stream(self) -> None:
        """See that one more client may wait for changes.

        Raises:
            TooManyStreams: as many as may wait already.
        """
        if self.streams >= self._max_streams:
            raise TooManyStreams(self._max_streams)

    @contextmanager
    def stream(self) -> Iterator[None]:
        """Count a client that waits, for as long as the block runs."""
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1

    @contextmanager
    def closing_on_signals(self) -> Iterator[None]:
        """Close when the process is asked to stop, then hand the signal on to the server."""
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread may handle signals; a test's thread does not
            return
        loop = asyncio.get_running_loop()
        replaced = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

        def handle(number: int, frame: FrameType | None) -> None:
            is_first = not self.is_closing
            self.close()
            before = replaced[signal.Signals(number)]
            if not callable(before):
                signal.signal(number, before)
                signal.raise_signal(number)
            elif is_first and self._grace_seconds and number == signal.SIGTERM:
                loop.call_soon_threadsafe(
                    loop.call_later, self._grace_seconds, before, number, frame
                )
            else:
                before(number, frame)

        for number in replaced:
            signal.signal(number, handle)
        try:
            yield
        finally:
            for number, before in replaced.items():
                signal.signal(number, before)
