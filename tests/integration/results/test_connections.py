"""What connections do when the service does not behave: both kinds, blocking and asynchronous."""

from __future__ import annotations

import asyncio
import select
from typing import Any

import pytest
from azure.core.exceptions import AzureError, ServiceRequestError, ServiceResponseError

from celery_azure.blobs import AsyncBlobContainer, Blob, BlobContainer, Patience
from celery_azure.connection import parse_blob_account
from harness.waiting import wait_until
from servicebus_emulator import ThreadedEmulator
from tests.integration.results.scripted import CLOSE, ScriptedService

OK = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: "1"\r\n\r\nhi'
LAST = b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: "1"\r\nConnection: close\r\n\r\nhi'
CUT = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\nhi"
STUCK = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi"
BUSY = (
    b"HTTP/1.1 503 Busy\r\nx-ms-error-code: ServerBusy\r\nRetry-After: 0\r\n"
    b"Content-Length: 0\r\n\r\n"
)
HASTE = Patience(connection_timeout=60.0, read_timeout=60.0, retries=0)
PATIENCE = Patience(connection_timeout=60.0, read_timeout=60.0, retries=5, first_wait=0.001)
HI = Blob(b"hi", '"1"')


def read_blocking(connection_string: str, patience: Patience, times: int) -> list[Any]:
    blobs = BlobContainer(parse_blob_account(connection_string), "box", patience)
    try:
        return [blobs.read("n") for _ in range(times)]
    finally:
        blobs.close()


def read_asynchronously(connection_string: str, patience: Patience, times: int) -> list[Any]:
    async def main() -> list[Any]:
        blobs = AsyncBlobContainer(parse_blob_account(connection_string), "box", patience)
        try:
            return [await blobs.read("n") for _ in range(times)]
        finally:
            blobs.close()
            await asyncio.sleep(0)

    return asyncio.run(main())


@pytest.fixture(params=[read_blocking, read_asynchronously], ids=["blocking", "asynchronous"])
def read(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_connection_serves_many_requests(read: Any) -> None:
    with ScriptedService([OK] * 5) as service:
        assert read(service.connection_string, HASTE, 5) == [HI] * 5
        assert len(service.requests) == 5


def test_a_connection_serves_many_requests_where_there_is_no_poll(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(select, "poll", raising=False)  # as eventlet does
    with ScriptedService([OK] * 3, [OK]) as service:
        assert read_blocking(service.connection_string, HASTE, 3) == [HI] * 3


def test_a_connection_that_the_service_ends_is_replaced(read: Any) -> None:
    with ScriptedService([LAST], [LAST], [OK]) as service:
        assert read(service.connection_string, HASTE, 3) == [HI] * 3


def test_a_kept_connection_that_ends_unseen_costs_no_patience(read: Any) -> None:
    with ScriptedService([OK, CLOSE], [OK]) as service:
        assert read(service.connection_string, HASTE, 2) == [HI] * 2
        assert len(service.requests) == 3


def test_an_answer_that_breaks_off_is_an_outage(read: Any) -> None:
    with (
        ScriptedService([CUT]) as service,
        pytest.raises(ServiceResponseError, match="cannot be reached"),
    ):
        read(service.connection_string, HASTE, 1)


def test_an_answer_that_does_not_come_is_an_outage(read: Any) -> None:
    with ScriptedService([STUCK]) as service, pytest.raises(ServiceResponseError):
        read(service.connection_string, Patience(60.0, 0.1, retries=0), 1)


def test_a_new_connection_that_ends_without_a_word_is_an_outage(read: Any) -> None:
    with ScriptedService([CLOSE]) as service, pytest.raises(ServiceResponseError):
        read(service.connection_string, HASTE, 1)


def test_nobody_there_is_an_outage(read: Any) -> None:
    with ScriptedService() as service:
        gone = service.connection_string
    with pytest.raises(ServiceRequestError):
        read(gone, HASTE, 1)


def test_with_patience_trouble_passes(read: Any) -> None:
    with ScriptedService([BUSY, CLOSE], [CUT], [b"SSH-2.0\r\n\r\n"], [OK]) as service:
        assert read(service.connection_string, PATIENCE, 1) == [HI]


def test_no_secret_is_in_an_error(read: Any) -> None:
    with ScriptedService([b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"]) as service:
        with pytest.raises(AzureError) as caught:
            read(service.connection_string, HASTE, 1)
        assert "a2V5" not in repr(caught.value)
        assert "SharedKey" not in repr(caught.value)


def test_a_certificate_that_nobody_vouches_for_is_refused(read: Any) -> None:
    with ThreadedEmulator() as emulator:
        place = f"AccountName=a;AccountKey=a2V5;BlobEndpoint=https://127.0.0.1:{emulator.port}/a"
        with pytest.raises(ServiceRequestError, match=r"(?i)certificate"):
            read(place, HASTE, 1)


async def test_who_gives_up_leaves_no_answer_for_the_next() -> None:
    with ScriptedService([STUCK], [OK]) as service:
        blobs = AsyncBlobContainer(parse_blob_account(service.connection_string), "box", HASTE)
        first = asyncio.create_task(blobs.read("first"))
        await asyncio.to_thread(wait_until, lambda: service.requests, "the first request")
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert await blobs.read("second") == HI
        blobs.close()
        await asyncio.sleep(0)
