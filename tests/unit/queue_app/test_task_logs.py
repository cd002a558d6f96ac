import pytest

from queue_app.blob_store import InMemoryBlobStore
from queue_app.task_logs import MAX_PART_BYTES, LogPart, TaskLogs, log_name, whole_lines


async def test_a_part_has_the_length_that_is_asked_for_and_never_more_than_the_most() -> None:
    store = InMemoryBlobStore()
    store.put(log_name("a"), b"x" * (MAX_PART_BYTES + 10))
    logs = TaskLogs(store)
    assert (await logs.read("a", 5, 3)).next == 8
    assert (await logs.read("a", 5)).next == 5 + MAX_PART_BYTES
    assert (await logs.read("a", 5, 10**9)).next == 5 + MAX_PART_BYTES
    assert await logs.read("b", 0) == LogPart(0, b"")


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
