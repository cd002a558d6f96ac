"""Watching tasks: one poller for each task that somebody watches, whatever the number of watchers.

The status of a task is a blob, and blobs tell nobody that they have changed, so they are asked. A
poller asks every `FASTEST` seconds while few tasks are watched; all pollers of a process together
ask no more often than their budget allows, and a task that has not changed for a minute is asked
less and less, down to every two seconds.

While more tasks are watched than can be asked that often, hints tell which of them to ask now
(docs/decisions/0009-hints-beside-polling.md). As long as hints come before the pollers find out
by themselves, these need a quarter of their budget.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from contextvars import Context
from itertools import islice
from typing import Protocol

from queue_app.errors import Unavailable, UnreadableRecord
from queue_app.jobs import TaskRecord

FASTEST = 0.04
"""Seconds between two looks at a task; a change is seen after half of that on average."""

SLOWEST = 2.0
READS_PER_SECOND = 400.0
"""What all pollers of a process may ask of the storage."""

FEW = int(READS_PER_SECOND * FASTEST)
"""So many tasks can be asked every `FASTEST` seconds: hints about them would tell nothing new."""

_PATIENCE = 60.0  # seconds without a change after which a task is asked less often
_AT_ONCE = 16  # reads that hints have caused
_POLLS_AT_ONCE = 8  # so that a storage that is slow is not flooded, and answers what is urgent
_TRUSTED_SHARE = 0.25  # of the budget, while hints are trusted
_MOST_TRUST = 20
_DISAPPOINTMENT = 2  # a change that was not told of outweighs so many that were

_log = logging.getLogger(__name__)


class RecordReader(Protocol):
    """Where the records of tasks are read: a producer."""

    async def record(self, task_id: str) -> TaskRecord | None:
        """Return what is stored of a task; None when nothing is.

        Raises:
            StorageUnavailable: the storage did not answer.
            UnreadableRecord: what is stored cannot be read.
        """


class Changes(Protocol):
    """Hints which tasks have changed; some may be missing, some wrong."""

    async def hear(self) -> Collection[str]:
        """Return the ids of tasks that may have changed since the last call.

        Raises:
            StorageUnavailable: there is nothing to hear now.
        """

    async def aclose(self) -> None:
        """Release connections; may be called twice."""


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
        """Wait until the record differs from what this watcher saw last, or the time is over.

        Raises:
            UnreadableRecord: what is stored cannot be read.
        """
        poller = self._poller
        if self._seen == poller.version:
            try:
                async with asyncio.timeout(seconds):
                    await poller.changed.wait()
            except TimeoutError:
                return False
        if poller.has_failed:
            raise UnreadableRecord
        self._seen = poller.version
        return True


class Watcher:
    """Watches tasks for many clients.

    Args:
        reader: where records are read.
        changes: hints which tasks to read now; None for none.
        reads_per_second: the budget of all pollers together.
        pause: sleeps; a test gives one that does not.
        clock: a monotonic clock; None for the event loop's.
    """

    def __init__(
        self,
        reader: RecordReader,
        changes: Changes | None = None,
        *,
        reads_per_second: float = READS_PER_SECOND,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._reader = reader
        self._changes = changes
        self._reads_per_second = reads_per_second
        self._pause = pause
        self._clock = clock
        self._pollers: dict[str, _Poller] = {}
        self._listening: asyncio.Task[None] | None = None
        self._trust = 0
        self._turns = asyncio.Semaphore(_POLLS_AT_ONCE)

    @property
    def tasks(self) -> int:
        """How many tasks are watched."""
        return len(self._pollers)

    @contextmanager
    def watch(self, task_id: str, record: TaskRecord | None) -> Iterator[Watch]:
        """Watch a task, whose record the watcher has just read, for as long as the block runs."""
        poller = self._pollers.get(task_id)
        if poller is None:
            poller = self._pollers[task_id] = _Poller(record, self._now())
            poller.job = asyncio.create_task(self._poll(task_id, poller))
            self._listen_if_many()
        elif record is not None and poller.record is None:
            poller.show(record)
        poller.watchers += 1
        try:
            yield Watch(poller)
        finally:
            poller.watchers -= 1
            if poller.watchers == 0:
                self._forget(task_id, poller)
                if poller.job is not None:
                    poller.job.cancel()

    async def _poll(self, task_id: str, poller: "_Poller") -> None:
        while not poller.is_over:
            await self._pause(self._interval(self._now() - poller.changed_at))
            async with self._turns:
                is_news = await self._look(task_id, poller)
            if is_news:
                self._trust = max(self._trust - _DISAPPOINTMENT, -_MOST_TRUST)

    async def _look(self, task_id: str, poller: "_Poller") -> bool:
        """Read the record of a task, again if that is asked for meanwhile; whether it is new."""
        if poller.is_over:
            return False
        if poller.is_read:
            poller.is_to_be_read_again = True  # what is under way may have been read before
            return False
        poller.is_read = poller.is_to_be_read_again = True
        version = poller.version
        try:
            while poller.is_to_be_read_again:
                poller.is_to_be_read_again = False
                record = await self._reader.record(task_id)
                if record != poller.record:
                    poller.changed_at = self._now()
                    poller.show(record)
        except Unavailable:
            pass  # whoever waits goes on waiting: the next look may succeed
        except Exception as error:  # noqa: BLE001 - nobody must wait for what will not come
            if not isinstance(error, UnreadableRecord):
                _log.exception("The record of task %s could not be read", task_id)
            self._forget(task_id, poller)  # who watches it from now on has it read anew
            poller.fail()
        finally:
            poller.is_read = False
        return poller.version != version

    def _forget(self, task_id: str, poller: "_Poller") -> None:
        if self._pollers.get(task_id) is poller:
            del self._pollers[task_id]
            self._listen_if_many()

    def _listen_if_many(self) -> None:
        are_many = len(self._pollers) > FEW
        if are_many and self._changes is not None and self._listening is None:
            self._listening = asyncio.create_task(
                self._listen(self._changes),
                context=Context(),  # and not in the trace of the request that happens to come now
            )
        elif not are_many and self._listening is not None:
            self._listening.cancel()
            self._listening = None

    async def _listen(self, changes: Changes) -> None:
        is_deaf = False
        while True:
            try:
                heard = await changes.hear()
            except Exception as error:  # noqa: BLE001 - hints are lost, nothing else
                if not is_deaf and not isinstance(error, Unavailable):
                    is_deaf = True
                    _log.exception("Hints of changes cannot be read; tasks are asked without")
                await self._pause(SLOWEST)
                continue
            is_deaf = False
            told = (task_id for task_id in heard if task_id in self._pollers)
            while some := list(islice(told, _AT_ONCE)):
                await asyncio.gather(*map(self._look_as_told, some))
            await self._pause(FASTEST)

    async def _look_as_told(self, task_id: str) -> None:
        poller = self._pollers.get(task_id)
        if poller is not None and await self._look(task_id, poller):
            self._trust = min(self._trust + 1, _MOST_TRUST)

    def _interval(self, unchanged_for: float) -> float:
        reads_per_second = self._reads_per_second
        if self._listening is not None and self._trust > 0:
            reads_per_second *= _TRUSTED_SHARE
        patient = (unchanged_for - _PATIENCE) / _PATIENCE
        return max(FASTEST, len(self._pollers) / reads_per_second, min(SLOWEST, patient))

    def _now(self) -> float:
        return (self._clock or asyncio.get_running_loop().time)()


class _Poller:
    """What the watchers of one task share."""

    def __init__(self, record: TaskRecord | None, now: float) -> None:
        self.record = record
        self.version = 0
        self.changed = asyncio.Event()
        self.changed_at = now
        self.has_failed = False
        self.is_read = False
        self.is_to_be_read_again = False
        self.watchers = 0
        self.job: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to read: the task has ended, or cannot be read."""
        return self.has_failed or (self.record is not None and self.record.state.is_end)

    def show(self, record: TaskRecord | None) -> None:
        """Wake everybody who waits for a change."""
        self.record = record
        self._wake()

    def fail(self) -> None:
        """Tell everybody who waits that the record cannot be read."""
        self.has_failed = True
        self._wake()

    def _wake(self) -> None:
        self.version += 1
        self.changed.set()
        self.changed = asyncio.Event()
