import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import AzureError

from celery_azure.blobs import Blob
from celery_azure.result_reader import ResultReader


class SlowBlobs:
    """A container whose reads last until `release`."""

    def __init__(self) -> None:
        self.blobs: dict[str, Blob] = {}
        self.reads: list[str] = []
        self.error: AzureError | None = None
        self.closed = False
        self._gate = asyncio.Event()
        self._gate.set()

    def hold(self) -> None:
        self._gate.clear()

    def release(self) -> None:
        self._gate.set()

    async def read(self, name: str) -> Blob | None:
        self.reads.append(name)
        await self._gate.wait()
        if self.error is not None:
            raise self.error
        return self.blobs.get(name)

    def close(self) -> None:
        self.closed = True

    def put(self, task_id: str, status: str, result: Any = None) -> None:
        content = json.dumps({"status": status, "result": result}).encode()
        self.blobs[f"meta-{task_id}"] = Blob(content, f'"{len(self.reads)}"')


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


Made = tuple[ResultReader, SlowBlobs, Clock]


def make(cache_bytes: int = 1_000_000, decode: Callable[[bytes], Any] = json.loads) -> Made:
    blobs, clock = SlowBlobs(), Clock()
    reader = ResultReader(
        blobs, lambda task_id: f"meta-{task_id}", decode, cache_bytes=cache_bytes, clock=clock
    )
    return reader, blobs, clock


async def status(reader: ResultReader, task_id: str = "1") -> str | None:
    stored = await reader.read(task_id)
    return None if stored is None else stored.meta["status"]


async def test_a_result_is_read_with_its_version() -> None:
    reader, blobs, _ = make()
    blobs.put("1", "SUCCESS", 7)
    stored = await reader.read("1")
    assert stored is not None
    assert (stored.meta["result"], stored.etag) == (7, '"0"')


async def test_a_success_is_read_once() -> None:
    reader, blobs, _ = make()
    blobs.put("1", "SUCCESS")
    assert [await status(reader) for _ in range(5)] == ["SUCCESS"] * 5
    assert len(blobs.reads) == 1


@pytest.mark.parametrize("state", ["STARTED", "RETRY", "PROGRESS"])
async def test_what_has_not_ended_is_read_each_time(state: str) -> None:
    reader, blobs, _ = make()
    blobs.put("1", state)
    assert await status(reader) == state
    blobs.put("1", "SUCCESS")
    assert await status(reader) == "SUCCESS"


async def test_only_what_was_read_is_known_without_asking() -> None:
    reader, blobs, _ = make()
    blobs.put("1", "SUCCESS", 7)
    assert reader.known("1") is None
    stored = await reader.read("1")
    assert reader.known("1") == stored
    assert len(blobs.reads) == 1


async def test_an_unknown_task_is_read_each_time() -> None:
    reader, blobs, _ = make()
    assert await status(reader) is None
    blobs.put("1", "STARTED")
    assert await status(reader) == "STARTED"


async def test_a_failure_is_kept_for_a_moment() -> None:
    reader, blobs, clock = make()
    blobs.put("1", "FAILURE")
    assert await status(reader) == "FAILURE"
    blobs.put("1", "SUCCESS")
    assert await status(reader) == "FAILURE"
    clock.now += 1.1
    assert await status(reader) == "SUCCESS"


async def test_a_result_that_was_removed_is_forgotten_after_a_while() -> None:
    reader, blobs, clock = make()
    blobs.put("1", "SUCCESS")
    await status(reader)
    blobs.blobs.clear()
    clock.now += 601
    assert await status(reader) is None


async def test_readers_of_one_id_share_a_read() -> None:
    reader, blobs, _ = make()
    blobs.hold()
    many = [asyncio.create_task(status(reader)) for _ in range(50)]
    other = asyncio.create_task(status(reader, "2"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    blobs.put("1", "STARTED")
    blobs.release()
    assert await asyncio.gather(*many) == ["STARTED"] * 50
    assert await other is None
    assert blobs.reads == ["meta-1", "meta-2"]


async def test_a_reader_that_gives_up_does_not_harm_the_others() -> None:
    reader, blobs, _ = make()
    blobs.put("1", "SUCCESS")
    blobs.hold()
    first, second = (asyncio.create_task(status(reader)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    blobs.release()
    assert await second == "SUCCESS"


async def test_an_outage_reaches_all_who_wait_and_is_not_kept() -> None:
    reader, blobs, _ = make()
    blobs.hold()
    many = [asyncio.create_task(status(reader)) for _ in range(3)]
    await asyncio.sleep(0)
    blobs.error = AzureError("down")
    blobs.release()
    outcomes = await asyncio.gather(*many, return_exceptions=True)
    assert all(isinstance(outcome, AzureError) for outcome in outcomes)
    blobs.error = None
    assert await status(reader) is None


async def test_the_cache_forgets_what_was_not_asked_for_the_longest() -> None:
    reader, blobs, _ = make(cache_bytes=10 * (500 + 100))
    for number in range(10):
        blobs.put(str(number), "SUCCESS", "x" * 60)
        await status(reader, str(number))
    await status(reader, "0")
    blobs.put("new", "SUCCESS", "x" * 60)
    await status(reader, "new")
    blobs.reads.clear()
    for task_id in ("0", "new", "9"):
        await status(reader, task_id)
    assert blobs.reads == []
    await status(reader, "1")
    assert blobs.reads == ["meta-1"]


async def test_a_big_result_does_not_empty_the_cache() -> None:
    reader, blobs, _ = make(cache_bytes=10_000)
    blobs.put("small", "SUCCESS")
    blobs.put("big", "SUCCESS", "x" * 5000)
    for task_id in ("small", "big", "small", "big"):
        await status(reader, task_id)
    assert blobs.reads == ["meta-small", "meta-big", "meta-big"]


async def test_closing_forgets_and_closes_connections() -> None:
    reader, blobs, _ = make()
    blobs.put("1", "SUCCESS")
    await status(reader)
    reader.close()
    assert blobs.closed
    await status(reader)
    assert len(blobs.reads) == 2


async def test_what_was_made_of_a_result_is_kept_with_it() -> None:
    reader, blobs, clock = make()
    blobs.put("1", "SUCCESS")
    await status(reader)
    assert reader.form("1") is None
    reader.keep_form("1", '"0"', "made", 4)
    assert reader.form("1") == "made"
    clock.now += 601
    assert reader.form("1") is None


async def test_what_was_made_of_another_version_or_of_nothing_is_not_kept() -> None:
    reader, blobs, _ = make()
    reader.keep_form("1", '"0"', "made", 4)
    blobs.put("1", "SUCCESS")
    await status(reader)
    reader.keep_form("1", '"other"', "made", 4)
    assert reader.form("1") is None


async def test_what_was_made_of_results_counts_for_the_memory() -> None:
    reader, blobs, _ = make(cache_bytes=8000)
    for task_id in ("1", "2"):
        blobs.put(task_id, "SUCCESS")
        await status(reader, task_id)
    for number in range(8):
        reader.keep_form("2", '"1"', f"made {number}", 100 if number else 8000)
    assert reader.form("2") == "made 1"
    for number in range(3, 15):
        blobs.put(str(number), "SUCCESS")
        await status(reader, str(number))
        reader.keep_form(str(number), f'"{number - 1}"', "made", 400)
    assert reader.known("2") is None
    assert sum(reader.known(str(number)) is not None for number in range(15)) == 8
