import asyncio

import pytest

from queue_app.errors import StorageUnavailable
from queue_app.jobs import TaskRecord, TaskState
from queue_app.watching import FASTEST, SLOWEST, Watcher

PATIENCE = 60.0  # real seconds, for what comes by itself
STARTED = TaskRecord("a", TaskState.STARTED)
ENDED = TaskRecord("a", TaskState.SUCCESS, 1)


class Storage:
    """Answers from a script, and counts who asks; time passes only in its pauses."""

    def __init__(self, *answers: TaskRecord | Exception | None) -> None:
        self.answers = list(answers)
        self.reads = 0
        self.now = 0.0
        self.pauses: list[float] = []
        self.running = asyncio.Event()
        self.running.set()

    async def record(self, task_id: str) -> TaskRecord | None:
        assert task_id
        self.reads += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds
        await self.running.wait()
        await asyncio.sleep(0)

    def watcher(self, **options: float) -> Watcher:
        return Watcher(self, pause=self.pause, clock=lambda: self.now, **options)


async def test_a_change_wakes_the_one_who_waits() -> None:
    storage = Storage(None, STARTED)
    with storage.watcher().watch("a", None) as watch:
        assert await watch.change(PATIENCE)
        assert watch.record == STARTED


async def test_a_change_between_two_waits_is_not_missed() -> None:
    storage = Storage(STARTED)
    watcher = storage.watcher()
    with watcher.watch("a", None) as first, watcher.watch("a", None) as second:
        assert await first.change(PATIENCE)
        assert await second.change(0)


async def test_without_a_change_the_time_is_over() -> None:
    storage = Storage(None)
    storage.running.clear()
    with storage.watcher().watch("a", None) as watch:
        assert not await watch.change(0)
        assert watch.record is None


async def test_a_thousand_watchers_of_a_task_have_one_poller() -> None:
    storage = Storage(None, STARTED)
    watcher = storage.watcher()

    async def wait() -> TaskRecord | None:
        with watcher.watch("a", None) as watch:
            assert await watch.change(PATIENCE)
            return watch.record

    assert await asyncio.gather(*(wait() for _ in range(1000))) == [STARTED] * 1000
    assert storage.reads == 2
    assert watcher.tasks == 0


async def test_the_poller_ends_with_the_task() -> None:
    storage = Storage(ENDED)
    with storage.watcher().watch("a", STARTED) as watch:
        assert await watch.change(PATIENCE)
        await asyncio.sleep(0)
        assert not await watch.change(0)
        assert storage.reads == 1


async def test_the_poller_ends_with_its_last_watcher() -> None:
    storage = Storage(None)
    watcher = storage.watcher()
    with watcher.watch("a", None):
        await asyncio.sleep(0)
    reads = storage.reads
    for _ in range(5):
        await asyncio.sleep(0)
    assert (storage.reads, watcher.tasks) == (reads, 0)


async def test_an_outage_of_the_storage_is_waited_out() -> None:
    storage = Storage(StorageUnavailable("away"), StorageUnavailable("away"), STARTED)
    with storage.watcher().watch("a", None) as watch:
        assert await watch.change(PATIENCE)
    assert storage.reads == 3


async def test_many_watched_tasks_share_a_budget_of_reads() -> None:
    storage = Storage(None)
    storage.running.clear()
    watcher = storage.watcher(reads_per_second=10)
    watches = [watcher.watch(str(number), None) for number in range(20)]
    for watch in watches:
        watch.__enter__()
    await asyncio.sleep(0)
    assert storage.pauses == [pytest.approx(2.0)] * 20
    for watch in watches:
        watch.__exit__(None, None, None)


async def test_a_task_that_does_not_change_is_asked_less_and_less() -> None:
    storage = Storage(*[None] * 3000, ENDED)
    with storage.watcher().watch("a", None) as watch:
        assert await watch.change(PATIENCE)
    assert storage.pauses[0] == FASTEST
    assert storage.pauses[-1] == SLOWEST
    assert sorted(storage.pauses) == storage.pauses
