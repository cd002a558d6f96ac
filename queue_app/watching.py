"""Watching tasks: one poller for each task that somebody watches, whatever the number of watchers.

The status of a task is a blob, and blobs tell nobody that they have changed, so they are asked. A
poller asks every `FASTEST` seconds while few tasks are watched; all pollers of a process together
ask no more often than their budget allows, and a task that has not changed for a minute is asked
less and less, down to every two seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from queue_app.errors import Unavailable
from queue_app.jobs import TaskRecord

FASTEST = 0.04
"""Seconds between two looks at a task; a change is seen after half of that on average."""

SLOWEST = 2.0
READS_PER_SECOND = 400.0
"""What all pollers of a process may ask of the storage."""

_PATIENCE = 60.0  # seconds without a change after which a task is asked less often


class RecordReader(Protocol):
    """Where the records of tasks are read: a producer."""

    async def record(self, task_id: str) -> TaskRecord | None:
        """Return what is stored of a task; None when nothing is."""


class Watch:
    """One watcher's view of a task."""

    def __init__(self, poller: "_Poller") -> None:
        self._poller = poller
        self._seen = poller.version

    @property
    def record(self) -> TaskRecord | None:
        """What was last read."""
        return self._poller.record

    async def change(self, seconds: float | None) -> bool:
        """Wait until the record differs from what this watcher saw last, or the time is over."""
        poller = self._poller
        if self._seen == poller.version:
            try:
                async with asyncio.timeout(seconds):
                    await poller.changed.wait()
            except TimeoutError:
                return False
        self._seen = poller.version
        return True


class Watcher:
    """Watches tasks for many clients.

    Args:
        reader: where records are read.
        reads_per_second: the budget of all pollers together.
        pause: sleeps; a test gives one that does not.
        clock: a monotonic clock; None for the event loop's.
    """

    def __init__(
        self,
        reader: RecordReader,
        *,
        reads_per_second: float = READS_PER_SECOND,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._reader = reader
        self._reads_per_second = reads_per_second
        self._pause = pause
        self._clock = clock
        self._pollers: dict[str, _Poller] = {}

    @property
    def tasks(self) -> int:
        """How many tasks are watched."""
        return len(self._pollers)

    @contextmanager
    def watch(self, task_id: str, record: TaskRecord | None) -> Iterator[Watch]:
        """Watch a task, whose record the watcher has just read, for as long as the block runs."""
        poller = self._pollers.get(task_id)
        if poller is None:
            poller = self._pollers[task_id] = _Poller(record)
            poller.job = asyncio.create_task(self._poll(task_id, poller))
        elif record is not None and poller.record is None:
            poller.show(record)
        poller.watchers += 1
        try:
            yield Watch(poller)
        finally:
            poller.watchers -= 1
            if poller.watchers == 0:
                del self._pollers[task_id]
                if poller.job is not None:
                    poller.job.cancel()

    async def _poll(self, task_id: str, poller: "_Poller") -> None:
        clock = self._clock or asyncio.get_running_loop().time
        changed_at = clock()
        while poller.record is None or not poller.record.state.is_end:
            await self._pause(self._interval(clock() - changed_at))
            try:
                record = await self._reader.record(task_id)
            except Unavailable:
                continue  # whoever waits goes on waiting: the next look may succeed
            if record != poller.record:
                changed_at = clock()
                poller.show(record)

    def _interval(self, unchanged_for: float) -> float:
        patient = (unchanged_for - _PATIENCE) / _PATIENCE
        return max(FASTEST, len(self._pollers) / self._reads_per_second, min(SLOWEST, patient))


class _Poller:
    """What the watchers of one task share."""

    def __init__(self, record: TaskRecord | None) -> None:
        self.record = record
        self.version = 0
        self.changed = asyncio.Event()
        self.watchers = 0
        self.job: asyncio.Task[None] | None = None

    def show(self, record: TaskRecord | None) -> None:
        """Wake everybody who waits for a change."""
        self.record = record
        self.version += 1
        self.changed.set()
        self.changed = asyncio.Event()
