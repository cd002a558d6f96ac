import asyncio
import contextlib
import ssl

import pytest

from servicebus_emulator.server.certificate import Certificate
from servicebus_emulator.server.front_door import FrontDoor
from servicebus_emulator.server.tls import TlsTransport
from tests.unit.servicebus_emulator.server.memory_transport import MemoryTransport, ToldProtocol


class Door(ToldProtocol):
    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.seen += data


class House:
    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.context = context
        self.opened: list[Door] = []

    def tls_context(self) -> ssl.SSLContext | None:
        return self.context

    def amqp_door(self) -> Door:
        return self.open("amqp")

    def http_door(self) -> Door:
        return self.open("http")

    def open(self, name: str) -> Door:
        self.opened.append(Door(name))
        return self.opened[-1]


def enter(house: House, *pieces: bytes, patience: float = 60) -> tuple[FrontDoor, MemoryTransport]:
    door, transport = FrontDoor(house, patience=patience), MemoryTransport()
    door.connection_made(transport)
    for piece in pieces:
        door.data_received(piece)
    return door, transport


async def timers_have_run() -> None:
    """Timers that are due run before one that was set later for the same time."""
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(0.001, done.set)
    await done.wait()


@pytest.mark.parametrize(
    ("first_bytes", "name"),
    [
        (b"AMQP\x00\x01\x00\x00", "amqp"),
        (b"AMQP\x03\x01\x00\x00", "amqp"),
        (b"GET / HTTP/1.1\r\n", "http"),
        (b"AMQ is no protocol", "http"),
        (b"\x00", "http"),
    ],
)
@pytest.mark.parametrize("piece_size", [100, 1])
async def test_the_first_bytes_choose_the_door_and_none_is_lost(
    first_bytes: bytes, name: str, piece_size: int
) -> None:
    house = House()
    pieces = [first_bytes[i : i + piece_size] for i in range(0, len(first_bytes), piece_size)]
    enter(house, *pieces)

    assert [(door.name, door.seen) for door in house.opened] == [(name, first_bytes)]


async def test_too_few_bytes_choose_no_door_yet() -> None:
    house = House()
    enter(house, b"AMQ")

    assert house.opened == []


async def test_tls_is_taken_off_before_the_door_is_chosen() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing)
    house = House(Certificate.make(["localhost"], 1_700_000_000.0).server_context())
    door, transport = enter(house)
    for _ in range(2):
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        door.data_received(outgoing.read())
        incoming.write(transport.take())
    client.write(b"AMQP\x03\x01\x00\x00")
    door.data_received(outgoing.read())

    assert [(inner.name, inner.seen) for inner in house.opened] == [("amqp", b"AMQP\3\1\0\0")]
    assert isinstance(house.opened[0].transport, TlsTransport)


async def test_a_tls_client_is_let_go_where_there_is_no_tls() -> None:
    _, transport = enter(House(context=None), b"\x16\x03\x01")

    assert transport.closed


async def test_who_says_nothing_is_let_go_after_a_while() -> None:
    _, transport = enter(House(), b"A", patience=0)
    await timers_have_run()

    assert transport.aborted


async def test_who_has_come_in_may_be_silent_as_long_as_it_likes() -> None:
    _, transport = enter(House(), b"AMQP\x00\x01\x00\x00", patience=0)
    await timers_have_run()

    assert not transport.aborted


async def test_no_door_opens_on_a_connection_that_is_being_closed() -> None:
    house = House()
    door, transport = enter(house)
    transport.close()
    door.data_received(b"AMQP\x00\x01\x00\x00")

    assert house.opened == []


async def test_what_happens_to_the_connection_is_told_behind_the_door() -> None:
    house = House()
    door, _ = enter(house, b"GET /")
    door.pause_writing()
    door.resume_writing()
    door.eof_received()
    door.connection_lost(None)

    assert house.opened[0].told == ["pause", "resume", "eof", "lost"]


async def test_what_happens_before_a_door_is_chosen_concerns_nobody() -> None:
    house = House()
    door, _ = enter(house, b"A")
    door.pause_writing()
    door.resume_writing()
    door.eof_received()
    door.connection_lost(None)

    assert house.opened == []
