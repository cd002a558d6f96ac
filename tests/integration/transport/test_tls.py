"""The transport over TLS, from a thread and from an event loop."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import kombu
import pytest

from celery_azure.amqp.messages import Message
from celery_azure.connection import ServiceBusEndpoint
from celery_azure.errors import UnreachableError
from celery_azure.publisher import AsyncPublisher
from celery_azure.tls import TlsSettings
from harness.waiting import wait_until
from servicebus_emulator import ThreadedEmulator
from servicebus_emulator.nodes.sas import ROOT_KEY
from servicebus_emulator.server.certificate import Certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LARGE = "x" * 200_000


@pytest.fixture(scope="module")
def emulator() -> Iterator[ThreadedEmulator]:
    with ThreadedEmulator(queues=["jobs"]) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def authority(emulator: ThreadedEmulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The emulator's certificate, which is its own authority."""
    path = tmp_path_factory.mktemp("tls") / "emulator.pem"
    emulator.write_certificate(path)
    return path


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody else's."""
    path = tmp_path_factory.mktemp("tls") / "stranger.pem"
    now = time.time()  # noqa: TID251 - until when a certificate is good
    path.write_bytes(Certificate.make(["localhost", "127.0.0.1"], now).certificate)
    return path


@contextmanager
def connected(
    emulator: ThreadedEmulator, authority: Path, send_timeout: float = 20
) -> Iterator[kombu.Connection]:
    with kombu.Connection(
        f"azureservicebus://{ROOT_KEY.name}:{ROOT_KEY.key}@127.0.0.1:{emulator.port}",
        transport="celery_azure.transport:Transport",
        ssl={"ca_certs": str(authority)},
        transport_options={"send_timeout": send_timeout},
    ) as connection:
        yield connection


def endpoint(emulator: ThreadedEmulator, authority: Path) -> ServiceBusEndpoint:
    return ServiceBusEndpoint.parse(
        f"127.0.0.1:{emulator.port}",
        key_name=ROOT_KEY.name,
        key=ROOT_KEY.key,
        tls=TlsSettings(ca_certs=str(authority)),
    )


def test_messages_travel_both_ways_inside_tls(emulator: ThreadedEmulator, authority: Path) -> None:
    with connected(emulator, authority) as connection:
        queue = connection.SimpleQueue(
            "made-over-tls"
        )  # through the admin API, which is https then
        for text in ("first", LARGE, "last"):
            queue.put(text)
        for text in ("first", LARGE, "last"):
            message = queue.get(timeout=20)
            assert message.payload == text
            message.ack()
        queue.close()


def test_an_event_loop_publishes_inside_tls(emulator: ThreadedEmulator, authority: Path) -> None:
    async def publish() -> None:
        publisher = AsyncPublisher(endpoint(emulator, authority))
        payloads = [Message(b"x" * size).to_bytes() for size in (10, 200_000, 10, 150_000)]
        await asyncio.gather(*(publisher.publish("jobs", one, 20) for one in payloads))
        await publisher.aclose()

    asyncio.run(publish())


def tells_why(publish: Callable[[], object]) -> bool:
    """Whether a message that is not sent, as none may be, tells of the certificate already."""
    with pytest.raises(UnreachableError, match="not sent") as caught:
        publish()
    return "certificate verify failed" in str(caught.value)


def test_a_certificate_that_nobody_vouches_for_is_refused_with_that_reason(
    emulator: ThreadedEmulator, stranger: Path
) -> None:
    with connected(emulator, stranger, send_timeout=0.5) as connection:
        queue = connection.SimpleQueue("jobs")
        wait_until(lambda: tells_why(lambda: queue.put("secret")), "the reason")


def test_an_event_loop_refuses_it_with_the_same_reason(
    emulator: ThreadedEmulator, stranger: Path
) -> None:
    async def publish() -> None:
        publisher = AsyncPublisher(endpoint(emulator, stranger))
        try:
            await publisher.publish("jobs", Message(b"secret").to_bytes(), 0.5)
        finally:
            await publisher.aclose()

    wait_until(lambda: tells_why(lambda: asyncio.run(publish())), "the reason")
