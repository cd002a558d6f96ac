import asyncio

import pytest

from queue_app.blob_store import InMemoryBlobStore
from queue_app.errors import StorageUnavailable
from queue_app.shared_logs import SharedLogs, whole_lines
from queue_app.task_logs import LogPart, TaskLogs, log_name


class CountingStore(InMemoryBlobStore):
    reads = 0

    async def read_part(self, name: str, start: int, length: int) -> bytes | None:
        self.reads += 1
        return await super().read_part(name, start, length)


async def test_those_who_read_the_same_part_share_one_read() -> None:
    store = CountingStore()
    store.put(log_name("a"), b"one\n")
    logs = SharedLogs(TaskLogs(store))
    parts = await asyncio.gather(*(logs.read("a", 0) for _ in range(100)))
    assert parts == [LogPart(0, b"one\n")] * 100
    assert store.reads == 1


async def test_another_part_or_another_log_is_another_read() -> None:
    store = CountingStore()
    logs = SharedLogs(TaskLogs(store))
    await asyncio.gather(logs.read("a", 0), logs.read("a", 4), logs.read("b", 0))
    assert store.reads == 3


async def test_what_was_read_a_moment_ago_is_read_again() -> None:
    store = CountingStore()
    logs = SharedLogs(TaskLogs(store), fresh_seconds=0)
    await logs.read("a", 0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    store.append(log_name("a"), b"new\n")
    assert (await logs.read("a", 0)).data == b"new\n"


async def test_an_outage_reaches_everybody_who_reads() -> None:
    store = InMemoryBlobStore()
    store.is_down = True
    logs = SharedLogs(TaskLogs(store))
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await logs.read("a", 0)


async def test_one_who_gives_up_does_not_take_the_read_from_others() -> None:
    logs = SharedLogs(TaskLogs(InMemoryBlobStore()))
    first, second = (asyncio.create_task(logs.read("a", 0)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).data == b""


@pytest.mark.parametrize(
    ("data", "at_end", "text", "after"),
    [
        (b"", False, "", 10),
        (b"one\ntwo", False, "one\n", 14),
        (b"one\ntwo", True, "one\ntwo", 17),
        (b"no end yet", False, "", 10),
        (b"\xff\n", False, "\N{REPLACEMENT CHARACTER}\n", 12),
    ],
)
def test_only_whole_lines_are_shown_until_the_end(
    data: bytes, at_end: bool, text: str, after: int
) -> None:
    assert whole_lines(LogPart(10, data), at_end=at_end) == (text, after)


@pytest.mark.parametrize("tail", ["", "é", "€", "😀"])
def test_a_line_longer_than_a_part_is_cut_between_characters(tail: str) -> None:
    data = b"x" * 70_000 + tail.encode()
    text, after = whole_lines(LogPart(0, data[: len(data) - (1 if len(tail.encode()) > 1 else 0)]))
    assert (text, after) == ("x" * 70_000, 70_000)
