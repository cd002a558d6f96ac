import pytest

from queue_app.blob_store import ConflictError, InMemoryBlobStore
from queue_app.errors import StorageUnavailable


async def test_a_blob_is_written_once_by_those_who_found_none() -> None:
    store = InMemoryBlobStore()
    written = await store.replace("a", b"1", None)
    with pytest.raises(ConflictError):
        await store.replace("a", b"2", None)
    assert await store.read("a") == written


async def test_a_blob_is_replaced_by_those_who_read_it_last() -> None:
    store = InMemoryBlobStore()
    first = await store.replace("a", b"1", None)
    second = await store.replace("a", b"2", first)
    with pytest.raises(ConflictError):
        await store.replace("a", b"3", first)
    assert (await store.replace("a", b"3", second)).content == b"3"


async def test_what_is_not_there_is_none() -> None:
    store = InMemoryBlobStore()
    assert await store.read("a") is None
    assert await store.read_part("a", 0, 5) is None


async def test_a_part_ends_with_the_blob() -> None:
    store = InMemoryBlobStore()
    store.append("a", b"abc")
    store.append("a", b"def")
    assert await store.read_part("a", 2, 3) == b"cde"
    assert await store.read_part("a", 6, 3) == b""


async def test_a_store_that_is_down_does_not_answer() -> None:
    store = InMemoryBlobStore()
    store.is_down = True
    with pytest.raises(StorageUnavailable):
        await store.read("a")
