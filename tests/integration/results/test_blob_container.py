"""Both kinds of containers against the real service's emulator."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.storage.blob import (
    BlobServiceClient,
    ContainerSasPermissions,
    generate_container_sas,
)

from celery_azure.blobs import (
    AsyncBlobContainer,
    BlobContainer,
    ChangedMeanwhileError,
    Patience,
)
from celery_azure.connection import BlobAccount, parse_blob_account
from harness.storage import ACCOUNT, KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.pytest_plugin import BlobStorage

PATIENCE = Patience(connection_timeout=60.0, read_timeout=60.0, retries=0)
AWKWARD = "logs/é 100%2F~+'&?#.log"


@pytest.fixture
def account(blob_storage: BlobStorage) -> BlobAccount:
    return parse_blob_account(blob_storage.connection_string)


@pytest.fixture
def blobs(account: BlobAccount, blob_storage: BlobStorage) -> Iterator[BlobContainer]:
    blobs = BlobContainer(account, blob_storage.unique_container(), PATIENCE)
    yield blobs
    blobs.close()


@pytest.mark.parametrize("content", [b"", b"x", bytes(range(256)) * 5000], ids=len)
def test_what_is_written_is_read(blobs: BlobContainer, content: bytes) -> None:
    etag = blobs.write(AWKWARD, content)
    found = blobs.read(AWKWARD)
    assert found is not None
    assert (found.content, found.etag) == (content, etag)


def test_the_sdk_finds_what_is_written(blobs: BlobContainer, blob_storage: BlobStorage) -> None:
    blobs.write(AWKWARD, b"content", "application/json")
    service = BlobServiceClient.from_connection_string(blob_storage.connection_string)
    with service, service.get_blob_client(blobs.name, AWKWARD) as blob:
        assert blob.download_blob().readall() == b"content"
        assert blob.get_blob_properties().content_settings.content_type == "application/json"


def test_nothing_is_there_before_the_first_write(blobs: BlobContainer) -> None:
    assert blobs.read("n") is None
    assert blobs.size("n") is None
    assert blobs.read_part("n", 0, 10) is None
    assert [page.blobs for page in blobs.pages("")] == [()]
    blobs.delete("n")


def test_a_conditional_write_holds_off_others(blobs: BlobContainer) -> None:
    first = blobs.replace("n", b"1", None)
    with pytest.raises(ChangedMeanwhileError):
        blobs.replace("n", b"2", None)
    second = blobs.replace("n", b"2", first)
    with pytest.raises(ChangedMeanwhileError):
        blobs.replace("n", b"3", first)
    blobs.delete("n")
    with pytest.raises(ChangedMeanwhileError):
        blobs.replace("n", b"3", second)


def test_of_many_threads_one_writes_first(blobs: BlobContainer) -> None:
    blobs.write("other", b"")
    won: list[int] = []

    def try_to_write(number: int) -> None:
        try:
            blobs.replace("n", b"%d" % number, None)
        except ChangedMeanwhileError:
            return
        won.append(number)

    threads = [threading.Thread(target=try_to_write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = blobs.read("n")
    assert found is not None
    assert [found.content] == [b"%d" % number for number in won]


def test_a_log_grows_only_at_its_end(blobs: BlobContainer) -> None:
    blobs.create_log("logs/1.log")
    with pytest.raises(ChangedMeanwhileError):
        blobs.create_log("logs/1.log")
    assert blobs.append("logs/1.log", b"one\n", 0) == 4
    assert blobs.append("logs/1.log", b"two\n", 4) == 8
    with pytest.raises(ChangedMeanwhileError):
        blobs.append("logs/1.log", b"two\n", 4)
    assert blobs.size("logs/1.log") == 8
    assert blobs.read_part("logs/1.log", 4, 2) == b"tw"
    assert blobs.read_part("logs/1.log", 4, 100) == b"two\n"
    assert blobs.read_part("logs/1.log", 8, 100) == b""
    assert blobs.append("logs/2.log", b"x", 0) is None


def test_several_blobs_are_read_and_removed_together(blobs: BlobContainer) -> None:
    names = [f"n{number:02}" for number in range(20)]
    for name in names:
        blobs.write(name, name.encode())
    read = blobs.read_many([*names, "none"])
    assert [blob and blob.content for blob in read] == [*(name.encode() for name in names), None]

    listed = [blob for page in blobs.pages("n", limit=7) for blob in page.blobs]
    assert [blob.name for blob in listed] == names
    blobs.write("n00", b"written since it was listed")
    assert blobs.delete_many(listed) == 19
    assert [blob.name for page in blobs.pages("n") for blob in page.blobs] == ["n00"]


def test_a_signature_for_one_container_suffices_when_it_exists(
    blobs: BlobContainer, blob_storage: BlobStorage
) -> None:
    blobs.write("n", b"x")
    may = ContainerSasPermissions(read=True, write=True, create=True, add=True)
    signature = generate_container_sas(
        ACCOUNT, blobs.name, account_key=KEY, permission=may, expiry="2099-01-01T00:00:00Z"
    )
    endpoint = next(
        part for part in blob_storage.connection_string.split(";") if part.startswith("BlobEnd")
    )
    text = f"{endpoint};SharedAccessSignature={signature}"
    signed = BlobContainer(parse_blob_account(text), blobs.name, PATIENCE)
    elsewhere = BlobContainer(parse_blob_account(text), f"{blobs.name}-2", PATIENCE)
    signed.replace("m", b"y", None)
    found = signed.read("m")
    assert found is not None
    assert found.content == b"y"
    with pytest.raises(ClientAuthenticationError):
        elsewhere.write("n", b"x")
    signed.close()
    elsewhere.close()


def test_a_wrong_key_is_refused(blobs: BlobContainer, blob_storage: BlobStorage) -> None:
    text = blob_storage.connection_string.replace(KEY, "d3Jvbmc=")
    wrong = BlobContainer(parse_blob_account(text), blobs.name, PATIENCE)
    with pytest.raises(ClientAuthenticationError):
        wrong.write("n", b"x")
    wrong.close()


async def test_an_event_loop_reads_and_writes_many_at_a_time(
    account: BlobAccount, blob_storage: BlobStorage
) -> None:
    blobs = AsyncBlobContainer(account, blob_storage.unique_container(), PATIENCE)
    names = [f"n{number:02}" for number in range(60)]
    assert await blobs.read("n00") is None
    await asyncio.gather(*(blobs.write(name, name.encode()) for name in names))
    read = await asyncio.gather(*(blobs.read(name) for name in names))
    assert [blob and blob.content for blob in read] == [name.encode() for name in names]

    etag = await blobs.replace("m", b"0123456789", None)
    with pytest.raises(ChangedMeanwhileError):
        await blobs.replace("m", b"", None)
    assert await blobs.read_part("m", 3, 4) == b"3456"
    await blobs.replace("m", b"", etag)
    page = await blobs.page("n", limit=50)
    rest = await blobs.page("n", page.marker)
    assert [blob.name for blob in (*page.blobs, *rest.blobs)] == names
    await blobs.delete("m")
    assert await blobs.read("m") is None
    blobs.close()
    await asyncio.sleep(0)
