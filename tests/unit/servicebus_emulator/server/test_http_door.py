import asyncio
import logging

import pytest

from servicebus_emulator.server.http_door import HttpDoor
from servicebus_emulator.server.http_parser import HttpRequest
from servicebus_emulator.server.http_responses import HttpResponse
from tests.unit.servicebus_emulator.server.memory_transport import MemoryTransport

GET = b"GET /%s HTTP/1.1\r\nHost: h\r\n\r\n"


def echo(request: HttpRequest) -> HttpResponse:
    if request.target == "/crash":
        raise RuntimeError("a mistake")
    if request.target == "/socket":
        return HttpResponse(101, {"Upgrade": "websocket"})
    return HttpResponse(200, {}, request.target.encode() + request.body)


class Inside(asyncio.Protocol):
    """A protocol behind a WebSocket that sends back what it gets."""

    latest: "Inside"

    def __init__(self) -> None:
        self.calls: list[str] = []
        Inside.latest = self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")

    def connection_lost(self, _: Exception | None) -> None:
        self.calls.append("lost")


def enter(*pieces: bytes, patience: float = 60) -> tuple[HttpDoor, MemoryTransport]:
    door, transport = HttpDoor(echo, Inside, patience=patience), MemoryTransport()
    door.connection_made(transport)
    for piece in pieces:
        door.data_received(piece)
    return door, transport


async def test_requests_in_one_piece_are_answered_in_their_order() -> None:
    _, transport = enter(GET % b"a" + GET % b"b")
    written = transport.take()

    assert 0 < written.find(b"\r\n\r\n/a") < written.find(b"\r\n\r\n/b")


async def test_the_connection_is_kept_for_the_next_request() -> None:
    door, transport = enter(GET % b"a")
    transport.take()
    door.data_received(GET % b"b")

    assert transport.take().endswith(b"/b")
    assert not transport.closed


async def test_a_client_that_wants_to_close_is_closed_after_its_answer() -> None:
    _, transport = enter(b"GET /a HTTP/1.0\r\n\r\n" + GET % b"b")

    assert transport.take().endswith(b"/a")
    assert transport.closed


async def test_a_client_that_waits_for_continue_is_told_so_once() -> None:
    door, transport = enter(
        b"PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    )
    told = transport.take()
    door.data_received(b"x")
    door.data_received(b"y")

    assert told == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert transport.take().endswith(b"\r\n\r\n/axy")


async def test_garbage_is_answered_and_ends_the_connection() -> None:
    _, transport = enter(b"garbage\r\n\r\n")

    assert transport.take().startswith(b"HTTP/1.1 400 ")
    assert transport.closed


async def test_nothing_is_read_after_the_end() -> None:
    door, transport = enter(b"garbage\r\n\r\n")
    transport.take()
    door.data_received(GET % b"a")

    assert transport.take() == b""


async def test_a_mistake_of_ours_is_a_500_and_a_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        _, transport = enter(GET % b"crash", GET % b"a")

    assert transport.take().startswith(b"HTTP/1.1 500 ")
    assert "a mistake" in caplog.text


async def test_a_silent_client_is_let_go_after_a_while() -> None:
    _, transport = enter(patience=0)
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(0.001, done.set)
    await done.wait()

    assert transport.closed


async def test_no_more_is_read_while_the_client_does_not_read() -> None:
    door, transport = enter()
    door.pause_writing()
    paused = transport.reading
    door.resume_writing()
    door.connection_lost(None)

    assert (paused, transport.reading) == (False, True)


FRAME = b"\x82\x83\0\0\0\0abc"  # a client's, with a mask of zeros


async def test_after_an_upgrade_the_bytes_are_a_websockets() -> None:
    door, transport = enter(GET % b"socket" + FRAME, FRAME)
    head, _, frames = transport.take().partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"Connection: Upgrade" in head
    assert b"Content-Length" not in head
    assert frames == b"\x82\x03abc" * 2
    assert door._timer is not None
    assert door._timer.cancelled()


async def test_what_happens_to_the_transport_is_told_behind_the_websocket() -> None:
    door, transport = enter(GET % b"socket")
    door.pause_writing()
    reading = transport.reading
    door.resume_writing()
    door.connection_lost(None)

    assert (Inside.latest.calls, reading) == (["pause", "resume", "lost"], True)


async def test_requests_that_have_come_wait_while_the_client_does_not_read() -> None:
    door, transport = enter()
    door.pause_writing()
    door.data_received(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n")
    before = transport.take()
    door.resume_writing()

    assert before == b""
    assert transport.take().count(b"HTTP/1.1 200") == 2
