import asyncio
from contextlib import ExitStack
from dataclasses import replace

import pytest

from queue_app.errors import StorageUnavailable, UnreadableRecord
from queue_app.jobs import TaskRecord, TaskState
from queue_app.watching import FASTEST, FEW, READS_PER_SECOND, SLOWEST, Watcher
from tests.unit.queue_app.api.eventually import eventually

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

    def watcher(self, reads_per_second: float = READS_PER_SECOND) -> Watcher:
        return Watcher(
            self, reads_per_second=reads_per_second, pause=self.pause, clock=lambda: self.now
        )


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


@pytest.mark.parametrize("error", [UnreadableRecord(), RuntimeError("a bug")])
async def test_who_waits_for_a_task_that_cannot_be_read_is_told_so(error: Exception) -> None:
    storage = Storage(None, error)
    watcher = storage.watcher()

    async def wait() -> None:
        with watcher.watch("a", None) as watch:
            while True:
                assert await watch.change(PATIENCE)

    told = await asyncio.gather(*(wait() for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in told] == [UnreadableRecord] * 3
    assert (storage.reads, watcher.tasks) == (2, 0)


async def test_who_comes_after_a_task_could_not_be_read_has_it_read_anew() -> None:
    storage = Storage(UnreadableRecord(), STARTED)
    watcher = storage.watcher()
    with watcher.watch("a", None) as before:
        with pytest.raises(UnreadableRecord):
            await before.change(PATIENCE)
        with watcher.watch("a", None) as after:
            assert await after.change(PATIENCE)
            assert after.record == STARTED
        with pytest.raises(UnreadableRecord):
            await before.change(PATIENCE)
    assert watcher.tasks == 0


async def test_a_bug_in_reading_is_logged_once_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    storage = Storage(RuntimeError("a bug"))
    with storage.watcher().watch("a", None) as watch:
        for _ in range(3):
            with pytest.raises(UnreadableRecord):
                await watch.change(PATIENCE)
    assert [record.exc_info is not None for record in caplog.records] == [True]


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


class Hints:
    """Tells what a test says, once each."""

    def __init__(self) -> None:
        self.told: set[str] = set()
        self.calls = 0
        self.failure: Exception | None = None

    async def hear(self) -> set[str]:
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        told, self.told = self.told, set()
        return told

    async def aclose(self) -> None:
        """Nothing to release."""


class Crowd:
    """Many tasks that are watched; the pollers sleep until a test lets them, hints do not."""

    def __init__(self, tasks: int, hints: Hints | None) -> None:
        self.records: dict[str, TaskRecord] = {}
        self.reads: list[str] = []
        self.unreadable: set[str] = set()
        self.pauses: list[float] = []
        self.polling = asyncio.Event()
        self.answering = asyncio.Event()
        self.answering.set()
        self.watcher = Watcher(self, hints, pause=self.pause, clock=lambda: 0.0)
        self.watched = ExitStack()
        self.watches = {
            task_id: self.watched.enter_context(self.watcher.watch(task_id, None))
            for task_id in map(str, range(tasks))
        }

    async def record(self, task_id: str) -> TaskRecord | None:
        self.reads.append(task_id)
        if task_id in self.unreadable:
            raise UnreadableRecord
        found = self.records.get(task_id)
        await self.answering.wait()
        return found

    async def pause(self, seconds: float) -> None:
        if seconds not in {FASTEST, SLOWEST}:
            self.pauses.append(seconds)
            await self.polling.wait()
        await asyncio.sleep(0)

    def change(self, *ids: str) -> None:
        for task_id in ids:
            self.records[task_id] = replace(STARTED, task_id=task_id)


async def test_of_many_tasks_the_one_that_is_told_of_is_read_at_once() -> None:
    hints = Hints()
    crowd = Crowd(FEW + 1, hints)
    with crowd.watched:
        crowd.change("7")
        hints.told = {"7", "of somebody else"}
        assert await crowd.watches["7"].change(PATIENCE)
    assert crowd.reads == ["7"]


async def test_nobody_listens_while_few_tasks_are_watched_or_hints_are_off() -> None:
    hints = Hints()
    with Crowd(FEW, hints).watched, Crowd(FEW + 1, None).watched:
        await asyncio.sleep(0.0)
        assert hints.calls == 0


async def test_listening_ends_when_few_tasks_are_left() -> None:
    hints = Hints()
    with Crowd(FEW + 1, hints).watched:
        await eventually(lambda: hints.calls)
    await asyncio.sleep(0)
    calls = hints.calls
    for _ in range(5):
        await asyncio.sleep(0)
    assert hints.calls == calls


async def test_what_nobody_told_of_is_found_by_asking() -> None:
    crowd = Crowd(FEW + 1, Hints())
    with crowd.watched:
        crowd.change("7")
        crowd.polling.set()
        assert await crowd.watches["7"].change(PATIENCE)


@pytest.mark.parametrize(
    ("failure", "lines"), [(StorageUnavailable("away"), 0), (RuntimeError("a bug"), 1)]
)
async def test_who_cannot_hear_asks_on_and_listens_again_later(
    failure: Exception, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    hints = Hints()
    hints.failure = failure
    crowd = Crowd(FEW + 1, hints)
    with crowd.watched:
        await eventually(lambda: hints.calls > 2)
        hints.failure = None
        crowd.change("7")
        hints.told = {"7"}
        assert await crowd.watches["7"].change(PATIENCE)
    assert len(caplog.records) == lines


async def test_of_tasks_that_are_told_of_one_that_cannot_be_read_keeps_no_other_from_it() -> None:
    hints = Hints()
    crowd = Crowd(FEW + 2, hints)
    with crowd.watched:
        crowd.unreadable = {"7"}
        crowd.change("8")
        hints.told = {"7", "8"}
        assert await crowd.watches["8"].change(PATIENCE)
        with pytest.raises(UnreadableRecord):
            await crowd.watches["7"].change(PATIENCE)
        crowd.change("9")
        hints.told = {"7", "9"}
        assert await crowd.watches["9"].change(PATIENCE)
    assert sorted(crowd.reads) == ["7", "8", "9"]


async def test_a_hint_during_a_read_is_followed_by_another_read() -> None:
    hints = Hints()
    crowd = Crowd(FEW + 1, hints)
    with crowd.watched:
        crowd.answering.clear()
        hints.told = {"7"}
        await eventually(lambda: crowd.reads == ["7"])  # nothing is there yet
        crowd.change("7")
        assert not await crowd.watcher._look("7", crowd.watcher._pollers["7"])
        crowd.answering.set()
        assert await crowd.watches["7"].change(PATIENCE)
    assert crowd.reads == ["7", "7"]


async def test_hints_that_come_true_save_reads_until_they_fail() -> None:
    hints = Hints()
    crowd = Crowd(FEW * 2, hints)
    with crowd.watched:
        whole = crowd.watcher._interval(0)
        ids = list(crowd.watches)[:FEW]
        crowd.change(*ids)
        hints.told = set(ids)
        for task_id in ids:
            assert await crowd.watches[task_id].change(PATIENCE)
        assert crowd.watcher._interval(0) == pytest.approx(4 * whole)
        crowd.change(*crowd.watches)
        crowd.polling.set()
        for task_id in set(crowd.watches) - set(ids):
            assert await crowd.watches[task_id].change(PATIENCE)
        assert crowd.watcher._interval(0) == pytest.approx(whole)


async def test_pollers_do_not_flood_a_storage_that_is_slow() -> None:
    crowd = Crowd(FEW * 4, None)
    with crowd.watched:
        crowd.answering.clear()
        crowd.polling.set()
        await eventually(lambda: crowd.reads)
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(crowd.reads) == 8
        crowd.answering.set()
        await eventually(lambda: set(crowd.reads) == set(crowd.watches))
