"""What clients of a task are told, without HTTP."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from dataclasses import replace
from typing import Any

import pytest

from queue_app.api.event_stream import EventStream
from queue_app.api.lifecycle import Lifecycle
from queue_app.api.task_feed import Feed, TaskFeeds
from queue_app.blob_store import InMemoryBlobStore
from queue_app.errors import UnreadableRecord
from queue_app.jobs import TaskRecord, TaskState
from queue_app.producer import InMemoryProducer
from queue_app.task_logs import TaskLogs, log_name
from queue_app.watching import Watcher
from tests.unit.queue_app.api.eventually import eventually

STARTED = TaskRecord("a", TaskState.STARTED)
ENDED = TaskRecord("a", TaskState.SUCCESS, 1)


class CountingStore(InMemoryBlobStore):
    reads = 0

    async def read_part(self, name: str, start: int, length: int) -> bytes | None:
        self.reads += 1
        return await super().read_part(name, start, length)


class StillProducer(InMemoryProducer):
    """Gives the record that a test has set."""

    def __init__(self) -> None:
        super().__init__()
        self.now: TaskRecord | Exception | None = None

    async def record(self, task_id: str) -> TaskRecord | None:
        assert task_id == "a"
        if isinstance(self.now, Exception):
            raise self.now
        return self.now


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def producer() -> StillProducer:
    return StillProducer()


@pytest.fixture
def lifecycle() -> Lifecycle:
    return Lifecycle(10)


@pytest.fixture
def feeds(producer: StillProducer, store: CountingStore, lifecycle: Lifecycle) -> TaskFeeds:
    async def turn(_seconds: float) -> None:
        await asyncio.sleep(0)

    return TaskFeeds(Watcher(producer, pause=turn), TaskLogs(store), lifecycle)


async def follow(
    feeds: TaskFeeds, record: TaskRecord | None = None, log_start: int = 0
) -> AsyncGenerator[bytes, None]:
    with feeds.follow("a", record, log_start) as feed:
        async for said in EventStream(feed, log_start).events():
            yield said


async def all_of(feeds: TaskFeeds, record: TaskRecord | None = None, log_start: int = 0) -> bytes:
    return b"".join([said async for said in follow(feeds, record, log_start)])


async def test_a_thousand_clients_of_a_task_read_its_log_as_one(
    feeds: TaskFeeds, producer: StillProducer, store: CountingStore
) -> None:
    producer.now = ENDED
    store.put(log_name("a"), b"one\n")
    told = await asyncio.gather(*(all_of(feeds, STARTED) for _ in range(1000)))
    assert len(set(told)) == 1
    assert told[0].count(b"event: log") == 1
    assert told[0].endswith(b'event: end\ndata: {"task_id":"a","status":"SUCCESS","result":1}\n\n')
    assert store.reads < 10


async def test_a_client_that_comes_later_is_told_the_whole_log(
    feeds: TaskFeeds, producer: StillProducer, store: CountingStore
) -> None:
    producer.now = ENDED
    lines = b"".join(b"%06d %s\n" % (number, b"x" * 1000) for number in range(400))
    store.put(log_name("a"), lines)
    first, later = await asyncio.gather(all_of(feeds, ENDED, len(lines) - 1008), all_of(feeds))
    assert first.count(b"xxxx\\n") == 1
    assert [later.count(b"%06d x" % number) for number in range(400)] == [1] * 400


async def test_a_place_beyond_the_log_takes_it_from_nobody(
    feeds: TaskFeeds, producer: StillProducer, store: CountingStore
) -> None:
    producer.now = ENDED
    store.put(log_name("a"), b"one\n")
    _, second = await asyncio.gather(all_of(feeds, STARTED, 10**9), all_of(feeds, STARTED))
    assert b'"text":"one\\n"' in second


async def test_a_log_that_cannot_be_read_is_read_later(
    feeds: TaskFeeds, producer: StillProducer, store: CountingStore
) -> None:
    producer.now = STARTED
    store.put(log_name("a"), b"one\n")
    store.is_down = True
    async with aclosing(follow(feeds, STARTED)) as stream:
        assert b"STARTED" in await anext(stream)
        store.is_down = False
        producer.now = ENDED
        assert b'"text":"one\\n"' in b"".join([said async for said in stream])


async def test_what_json_cannot_say_ends_the_stream_without_an_end(
    feeds: TaskFeeds, producer: StillProducer
) -> None:
    producer.now = TaskRecord("a", TaskState.SUCCESS, float("nan"))
    told = await all_of(feeds, STARTED)
    assert b"STARTED" in told
    assert b"event: end" not in told


@pytest.mark.parametrize("before", [None, STARTED])
async def test_a_record_that_cannot_be_read_ends_the_stream_without_an_end(
    feeds: TaskFeeds, producer: StillProducer, before: TaskRecord | None
) -> None:
    producer.now = UnreadableRecord()
    told = await all_of(feeds, before)
    assert b"event: status" in told
    assert b"event: end" not in told


async def test_a_bug_leaves_no_client_waiting(
    feeds: TaskFeeds, producer: StillProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_down(_feed: Feed, *_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Feed, "follow", break_down)
    producer.now = STARTED
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    assert b"STARTED" in await all_of(feeds, STARTED)


async def test_streams_end_when_the_service_closes(
    feeds: TaskFeeds, producer: StillProducer, lifecycle: Lifecycle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("queue_app.api.task_feed.LOOK_SECONDS", 0.0)
    producer.now = STARTED
    async with aclosing(follow(feeds, STARTED)) as stream:
        await anext(stream)
        lifecycle.close()
        assert [said async for said in stream] == []


async def test_after_a_long_silence_clients_hear_that_the_stream_lives(
    feeds: TaskFeeds, producer: StillProducer
) -> None:
    producer.now = STARTED
    with feeds.follow("a", STARTED, 0) as feed:
        stream = EventStream(feed).events()
        await anext(stream)
        spoken = feed._spoken_at
        feed.beat(spoken + 14)
        assert feed.beats == 0
        feed.beat(spoken + 16)
        assert await anext(stream) == b": still here\n\n"
        await stream.aclose()


async def test_nothing_is_left_when_the_last_client_has_gone(
    feeds: TaskFeeds, producer: StillProducer
) -> None:
    producer.now = STARTED
    async with aclosing(follow(feeds, STARTED)) as stream:
        await anext(stream)
        assert feeds._feeds
        assert feeds._ticker is not None
    assert not feeds._feeds
    assert feeds._ticker is None


async def test_feeds_of_many_tasks_do_not_flood_a_storage_that_is_slow(
    lifecycle: Lifecycle,
) -> None:
    answering = asyncio.Event()

    class SlowStore(CountingStore):
        async def read_part(self, name: str, start: int, length: int) -> bytes | None:
            data = await super().read_part(name, start, length)
            await answering.wait()
            return data

    store, producer = SlowStore(), InMemoryProducer()
    feeds = TaskFeeds(Watcher(producer), TaskLogs(store), lifecycle)
    with ExitStack() as followed:
        for number in range(20):
            task_id = str(number)
            started = replace(STARTED, task_id=task_id)
            followed.enter_context(feeds.follow(task_id, started, 0))
        await eventually(lambda: store.reads)
        for _ in range(50):
            await asyncio.sleep(0)
        assert store.reads == 4
        answering.set()
        await eventually(lambda: store.reads >= 20)
