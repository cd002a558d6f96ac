import asyncio
from collections.abc import AsyncIterator

import pytest

from servicebus_emulator.server.http_parser import HttpRequest
from servicebus_emulator.server.websocket import WebSocketProtocol, upgrade
from servicebus_emulator.server.websocket_frames import BINARY, CLOSE, PING
from tests.unit.servicebus_emulator.server.memory_transport import MemoryTransport
from tests.unit.servicebus_emulator.server.test_websocket_frames import masked

HEADERS = {
    "connection": "keep-alive, Upgrade",
    "upgrade": "WebSocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",  # RFC 6455, 1.3
    "sec-websocket-protocol": "chat, AMQPWSB10",
}


def request(changed: dict[str, str | None], method: str = "GET") -> HttpRequest:
    renamed = {name.replace("_", "-"): value for name, value in changed.items()}
    headers = {name: value for name, value in (HEADERS | renamed).items() if value is not None}
    return HttpRequest(method, "/", headers, b"", keep_alive=True)


def test_the_handshake_is_that_of_the_standard() -> None:
    response = upgrade(request({}))

    assert (response.status, response.headers["Upgrade"]) == (101, "websocket")
    assert response.headers["Sec-WebSocket-Accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert response.headers["Sec-WebSocket-Protocol"] == "AMQPWSB10"


def test_the_standards_name_of_the_subprotocol_will_do() -> None:
    response = upgrade(request({"sec_websocket_protocol": "amqp"}))

    assert response.headers["Sec-WebSocket-Protocol"] == "amqp"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"connection": None}, 426),
        ({"upgrade": "h2c"}, 426),
        ({"sec_websocket_version": "8"}, 426),
        ({"sec_websocket_key": None}, 400),
        ({"sec_websocket_key": "c2hvcnQ="}, 400),
        ({"sec_websocket_key": "not base64!"}, 400),
        ({"sec_websocket_protocol": None}, 400),
        ({"sec_websocket_protocol": "chat"}, 400),
    ],
)
def test_half_a_handshake_is_refused(changed: dict[str, str | None], status: int) -> None:
    response = upgrade(request(changed))

    assert response.status == status


def test_a_handshake_is_a_get() -> None:
    assert upgrade(request({}, "POST")).status == 426


class Inner(asyncio.Protocol):
    """What stands behind the WebSocket: sends everything back and remembers what it is told."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.calls: list[str] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received.append(data)
        self.transport.write(data)

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def connection_lost(self, _: Exception | None) -> None:
        self.calls.append("lost")


class Socket:
    def __init__(self) -> None:
        self.inner, self.outer = Inner(), MemoryTransport()
        self.protocol = WebSocketProtocol(self.inner)
        self.protocol.connection_made(self.outer)

    def take(self, stream: bytes) -> bytes:
        self.protocol.data_received(stream)
        return self.outer.take()


@pytest.fixture
async def socket() -> AsyncIterator[Socket]:
    socket = Socket()
    yield socket
    socket.protocol.connection_lost(None)


async def test_bytes_go_through_in_both_directions(socket: Socket) -> None:
    answer = socket.take(masked(BINARY, b"abc") + masked(BINARY, b""))

    assert (socket.inner.received, answer) == ([b"abc"], b"\x82\x03abc")


async def test_a_ping_is_answered(socket: Socket) -> None:
    assert socket.take(masked(PING, b"!")) == b"\x8a\x01!"


async def test_pings_of_a_client_that_does_not_read_are_not_answered(socket: Socket) -> None:
    socket.outer.waiting = 100_000

    assert socket.take(masked(PING, b"!")) == b""


async def test_a_goodbye_is_answered_with_its_code(socket: Socket) -> None:
    answer = socket.take(masked(CLOSE, b"\x03\xe9bye") + masked(BINARY, b"late"))

    assert (answer, socket.outer.closed, socket.inner.received) == (b"\x88\x02\x03\xe9", True, [])


async def test_a_broken_frame_ends_the_connection_with_a_code(socket: Socket) -> None:
    assert socket.take(b"\x82\x01a") == b"\x88\x02\x03\xea"
    assert socket.outer.closed


async def test_the_server_says_goodbye_once(socket: Socket) -> None:
    socket.inner.transport.close()
    socket.inner.transport.close()
    socket.inner.transport.write(b"late")

    assert socket.outer.take() == b"\x88\x02\x03\xe8"
    assert (socket.inner.transport.is_closing(), socket.outer.closed) == (True, False)
    assert socket.take(masked(BINARY, b"late") + masked(CLOSE, b"\x03\xe8")) == b""
    assert (socket.inner.received, socket.outer.closed) == ([], True)


async def test_the_inner_protocol_steers_the_real_transport(socket: Socket) -> None:
    transport = socket.inner.transport
    socket.outer.waiting = 7
    transport.set_write_buffer_limits(high=9)
    transport.pause_reading()
    paused = socket.outer.reading
    transport.resume_reading()
    transport.abort()

    assert (paused, socket.outer.reading, socket.outer.aborted) == (False, True, True)
    assert (transport.get_write_buffer_size(), socket.outer.limits) == (7, (9, None))
    assert transport.get_extra_info("peername", "nobody") == "nobody"


async def test_what_happens_to_the_transport_is_told_inside(socket: Socket) -> None:
    socket.protocol.pause_writing()
    socket.protocol.resume_writing()
    socket.protocol.connection_lost(None)

    assert socket.inner.calls == ["pause", "resume", "lost"]


def test_before_there_is_a_transport_nothing_is_read() -> None:
    inner = Inner()
    WebSocketProtocol(inner).data_received(masked(BINARY, b"a"))

    assert inner.received == []
