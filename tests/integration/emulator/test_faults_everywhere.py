"""Faults below AMQP, on each way into the emulator; the others are the same on all of them."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servicebus_emulator import ThreadedEmulator
from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.framing import encode_frame
from servicebus_emulator.amqp.performatives import End
from servicebus_emulator.amqp.schemas import encode_body
from tests.integration.emulator.raw_client import RawClient

MESSAGE = b"\x00\x53\x75\xa0\x01a"  # a body of one byte
END = encode_frame(encode_body(End()))
Connect = Callable[[], RawClient]


@pytest.fixture(params=["tcp", "tls", "ws", "wss"])
def connect(
    request: pytest.FixtureRequest, emulator: ThreadedEmulator, certificate: Path
) -> Connect:
    is_secure = request.param in {"tls", "wss"}
    context = ssl.create_default_context(cafile=str(certificate)) if is_secure else None
    through_websocket = request.param in {"ws", "wss"}

    def connect() -> RawClient:
        return RawClient(emulator.port, context=context, through_websocket=through_websocket)

    return connect


@pytest.fixture
def other(connect: Connect, queue: str) -> Iterator[RawClient]:
    """Somebody else, who came the same way and to whom nothing may happen."""
    with connect() as other:
        yield other
        other.send(queue, MESSAGE)


@pytest.fixture
def client(connect: Connect, queue: str, other: RawClient) -> Iterator[RawClient]:
    """A client with a link named after the queue."""
    del other
    with connect() as client:
        client.sender(queue)
        yield client


def test_a_connection_is_dropped(client: RawClient, emulator: ThreadedEmulator, queue: str) -> None:
    emulator.control.inject("now", "drop", link=queue)

    with pytest.raises((AssertionError, ConnectionError)):  # without a word of AMQP
        client.wait_for(events.ConnectionClosed)


def test_a_connection_is_closed_with_a_reason(
    client: RawClient, emulator: ThreadedEmulator, queue: str
) -> None:
    emulator.control.inject("now", "close", link=queue)
    client.wait_for(events.ConnectionClosed)
    [closed] = client.taken(events.ConnectionClosed)

    assert closed.error is not None
    assert closed.error.condition == "amqp:connection:forced"


def test_a_half_open_connection_says_nothing(
    client: RawClient, emulator: ThreadedEmulator, queue: str
) -> None:
    emulator.control.inject("now", "half-open", link=queue)
    client.session.end()
    client.socket.settimeout(0.05)

    with pytest.raises(TimeoutError):
        client.wait_for(events.SessionEnded)


def test_a_frame_is_corrupted(client: RawClient, emulator: ThreadedEmulator) -> None:
    with emulator.control.fault("frame", "corrupt", times=1, seed=0) as fault:
        client.session.end()
        client.flush()
        answer = client.socket.recv(65536)

    assert fault.hits == 1
    assert answer != END


def test_bytes_take_their_time_and_arrive(client: RawClient, emulator: ThreadedEmulator) -> None:
    with emulator.control.fault("network", "delay", delay=0.01) as fault:
        client.session.end()
        client.wait_for(events.SessionEnded)

    assert fault.hits >= 2  # there and back
