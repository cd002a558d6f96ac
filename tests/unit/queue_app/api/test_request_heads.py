import asyncio
from typing import Any, cast

import pytest
from starlette.types import Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from queue_app.api.request_heads import MAX_HEAD_BYTES, guard

HEAD = b"GET / HTTP/1.1\r\nHost: api\r\n"


class GuardedProtocol(HttpToolsProtocol):
    """One of our own, so that no other test finds uvicorn's changed."""


guard(GuardedProtocol)


class Wire:
    """Stands for the transport of a connection, and for the client behind it."""

    def __init__(self) -> None:
        self.written = b""
        self.is_closed = False
        self._state = ServerState()
        self._protocol = GuardedProtocol(Config(answer), self._state, {})
        self._protocol.connection_made(cast("asyncio.Transport", self))

    async def send(self, *pieces: bytes) -> list[bytes]:
        """Send pieces, each in a read of its own; the status codes of the answers so far."""
        for piece in pieces:
            if not self.is_closed:
                self._protocol.data_received(piece)
        while self._state.tasks:
            await asyncio.gather(*self._state.tasks)
            await asyncio.sleep(0)
        return [part[:3] for part in self.written.split(b"HTTP/1.1 ")[1:]]

    def end(self) -> None:
        self._protocol.connection_lost(None)

    def get_extra_info(self, _name: str) -> Any:
        return None

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        """Needs nothing: pieces are given."""

    resume_reading = pause_reading


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    length = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"\r\n",
        HEAD + b"X: " + b"a" * (MAX_HEAD_BYTES - 100) + b"\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
    ],
)
async def test_a_head_within_the_limits_reaches_the_application(head: bytes) -> None:
    wire = Wire()
    assert await wire.send(head) == [b"200"]
    wire.end()


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"GET / HTTP/1.1\r\n\r\n"], id="no host"),
        pytest.param([HEAD + b"Host: other\r\n\r\n"], id="two hosts"),
        pytest.param([HEAD + b"X: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n"], id="a long value"),
        pytest.param([b"GET /" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n"], id="a long target"),
        pytest.param([HEAD + b"X: ", *[b"a" * 1000] * 66], id="a value that does not end"),
        pytest.param([HEAD, *[b"X: 1\r\n" * 100] * 110], id="names that do not end"),
    ],
)
async def test_another_head_is_answered_with_400_and_the_connection_closed(
    pieces: list[bytes],
) -> None:
    wire = Wire()
    if pieces[0].startswith(b"GET /a"):
        pieces = [pieces[0], b"Host: api\r\n\r\n"]
    assert await wire.send(*pieces) == [b"400"]
    assert wire.is_closed
    wire.end()


async def test_the_body_before_a_head_does_not_count() -> None:
    body = b"a" * 2 * MAX_HEAD_BYTES
    post = b"POST / HTTP/1.1\r\nHost: api\r\nContent-Length: %d\r\n\r\n" % len(body)
    wire = Wire()
    assert await wire.send(post + body + HEAD[:20], HEAD[20:] + b"\r\n") == [b"200", b"200"]
    wire.end()


def test_guarding_again_changes_nothing() -> None:
    before = GuardedProtocol.data_received, GuardedProtocol.on_headers_complete
    guard(GuardedProtocol)
    assert (GuardedProtocol.data_received, GuardedProtocol.on_headers_complete) == before
