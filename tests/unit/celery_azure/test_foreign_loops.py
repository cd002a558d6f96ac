"""Event loops such as uvloop's, whose transports inherit nothing from asyncio's."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from celery_azure.connection import ServiceBusEndpoint
from celery_azure.publisher import AsyncPublisher
from celery_azure.storage.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

ENDPOINT = ServiceBusEndpoint("here", 5672, None, "name", "key")
SECONDS = 20.0


class ForeignTransport:
    """A transport of another loop's."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._protocol = protocol
        self._is_closed = False

    def write(self, data: bytes) -> None:
        if not self.first.done():
            self.first.set_result(data)

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._protocol.connection_lost(None)

    abort = close


async def test_a_publisher_speaks_over_a_transport_of_another_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: asyncio.Future[ForeignTransport] = asyncio.get_running_loop().create_future()

    async def connect(make: Callable[[], asyncio.Protocol], *_: Any, **__: Any) -> None:
        transport = ForeignTransport(protocol := make())
        made.set_result(transport)
        protocol.connection_made(cast("asyncio.Transport", transport))

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
    publisher = AsyncPublisher(ENDPOINT)
    check = asyncio.create_task(publisher.check("jobs", SECONDS))
    async with asyncio.timeout(SECONDS):
        first = await (await made).first
    assert first.startswith(b"AMQP")
    check.cancel()
    with suppress(asyncio.CancelledError):
        await check
    await publisher.aclose()


async def test_a_connection_to_a_storage_account_opens_over_one() -> None:
    stream = Stream()
    transport = ForeignTransport(stream)
    stream.connection_made(cast("asyncio.Transport", transport))
    assert stream.is_open
    stream.close()
    assert not stream.is_open
