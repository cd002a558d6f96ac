"""What the server of the API writes is what uvicorn alone would have written, in fewer writes."""

from typing import TYPE_CHECKING, cast

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from queue_app.api.one_write import Writer
from queue_app.api.responses import EncodedResponse
from tests.unit.queue_app.api.wire import Wire

if TYPE_CHECKING:
    import asyncio

HOST = b"Host: api\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST / HTTP/1.1\r\nContent-Length: 2\r\n" + HOST
BODY = b'{"task_id":"a"}'


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    await EncodedResponse(BODY, [(b"location", b"/status/a")])(scope, receive, send)


async def answer_badly(scope: Scope, receive: Receive, send: Send) -> None:
    await EncodedResponse(BODY, [(b"location", b"/\n")])(scope, receive, send)


@pytest.mark.parametrize(
    ("pieces", "writes"),
    [
        pytest.param([GET + b"\r\n"], 1, id="a request"),
        pytest.param([GET + b"\r\n", GET + b"\r\n"], 2, id="one after the other"),
        pytest.param([2 * (POST + b"\r\n{}")], 2, id="two in one read"),
        pytest.param([POST, b"\r\n{", b"}"], 1, id="in pieces"),
        pytest.param([GET.replace(b"GET", b"HEAD") + b"\r\n"], 1, id="no body"),
        pytest.param([GET + b"Connection: close\r\n\r\n"], 1, id="the last"),
        pytest.param([GET.replace(b"1.1", b"1.0") + b"\r\n"], 1, id="HTTP/1.0"),
        pytest.param([POST + b"Expect: 100-continue\r\n\r\n", b"{}"], 2, id="continue"),
    ],
)
async def test_an_answer_is_what_uvicorn_writes_in_one_write(
    pieces: list[bytes], writes: int
) -> None:
    ours, plain = Wire(answer), Wire(answer, HttpToolsProtocol)
    assert await ours.send(*pieces) == await plain.send(*pieces)
    assert ours.written == plain.written
    assert BODY in ours.written or pieces[0].startswith(b"HEAD")
    assert len(ours.writes) == writes
    assert ours.is_closed == plain.is_closed
    ours.end()
    plain.end()


async def test_an_answer_that_cannot_be_sent_is_an_error_as_before() -> None:
    ours, plain = Wire(answer_badly), Wire(answer_badly, HttpToolsProtocol)
    await ours.send(GET + b"\r\n")
    await plain.send(GET + b"\r\n")
    assert ours.written == plain.written
    assert ours.is_closed
    ours.end()
    plain.end()


class Transport:
    """Takes notes."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def close(self) -> None:
        self.calls.append("close")

    def is_closing(self) -> bool:
        return "close" in self.calls

    def pause_reading(self) -> None:
        self.calls.append("pause")


@pytest.fixture
def transport() -> Transport:
    return Transport()


@pytest.fixture
def writer(transport: Transport) -> Writer:
    return Writer(cast("asyncio.Transport", transport))


def test_what_is_kept_is_written_at_once(writer: Writer, transport: Transport) -> None:
    writer.keep()
    writer.write(b"a")
    writer.write(b"b")
    assert transport.calls == []
    writer.release()
    writer.write(b"c")
    assert transport.calls == [b"ab", b"c"]


def test_what_is_kept_is_written_before_the_end(writer: Writer, transport: Transport) -> None:
    writer.keep()
    writer.write(b"a")
    writer.close()
    writer.release()
    assert transport.calls == [b"a", "close"]
    assert writer.is_closing()


def test_nothing_is_written_when_nothing_was_kept(writer: Writer, transport: Transport) -> None:
    writer.keep()
    writer.release()
    writer.release()
    assert transport.calls == []


def test_everything_else_is_the_transports(writer: Writer, transport: Transport) -> None:
    writer.pause_reading()
    assert transport.calls == ["pause"]
