"""Progress: one call from the work, wherever it runs.

    from queue_app.progress import report_progress

    report_progress(3, 10, "resizing")

Outside a worker the call does nothing, so that the work stays a function that tests can call.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from queue_app.jobs import Progress

_Sink = Callable[[Progress], None]
_sink: ContextVar[_Sink | None] = ContextVar("progress_sink", default=None)


def report_progress(done: float, total: float | None = None, message: str = "") -> None:
    """Tell those who watch the task how far it is.

    Args:
        done: how much is done, in a unit of the task's choice.
        total: how much there is to do; None when nobody knows.
        message: what is being done, for people.

    May be called as often as the work likes: no more than a few calls a second are stored, and
    one that cannot be stored is forgotten.
    """
    sink = _sink.get()
    if sink is not None:
        sink(Progress(done, total, message))


@contextmanager
def progress_to(sink: _Sink) -> Iterator[None]:
    """Hand what is reported inside the block, in this context, to `sink`."""
    token = _sink.set(sink)
    try:
        yield
    finally:
        _sink.reset(token)


class Throttled:
    """Passes on the first report, and then at most one in an interval; the complete one always.

    Args:
        sink: gets the reports that pass.
        clock: a monotonic clock, in seconds.
        interval: seconds between two reports.
    """

    def __init__(self, sink: _Sink, clock: Callable[[], float], interval: float = 0.25) -> None:
        self._sink = sink
        self._clock = clock
        self._interval = interval
        self._next = float("-inf")

    def __call__(self, progress: Progress) -> None:
        """Pass on the report, or drop it."""
        now = self._clock()
        is_complete = progress.total is not None and progress.done >= progress.total
        if now < self._next and not is_complete:
            return
        self._next = now + self._interval
        self._sink(progress)
