"""AMQP over WebSockets: the same bytes in binary messages, for clients that get no other port.

Source: AMQP WebSocket Binding 1.0 (OASIS) and RFC 6455. The SDKs call the subprotocol `AMQPWSB10`,
the standard calls it `amqp`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, cast

from servicebus_emulator.server.http_responses import HttpResponse
from servicebus_emulator.server.inner_transport import InnerTransport
from servicebus_emulator.server.websocket_frames import (
    BINARY,
    CLOSE,
    NORMAL_CLOSURE,
    PING,
    PONG,
    FrameDecoder,
    WebSocketError,
    encode,
    encode_close,
)

if TYPE_CHECKING:
    from servicebus_emulator.server.http_parser import HttpRequest

_SUBPROTOCOLS = ("AMQPWSB10", "amqp")
_VERSION = "13"
_KEY_SIZE = 16
_GOODBYE_SECONDS = 2.0
_MOST_UNREAD = 64 * 1024
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


def upgrade(request: HttpRequest) -> HttpResponse:
    """Answer a client's handshake: 101 when it may go on with frames."""
    headers = request.headers
    offered = [name.strip() for name in headers.get("sec-websocket-protocol", "").split(",")]
    subprotocol = next((name for name in _SUBPROTOCOLS if name in offered), None)
    key = headers.get("sec-websocket-key", "")
    if request.method != "GET" or not wants_upgrade(request):
        return HttpResponse(426, {"Upgrade": "websocket"})
    if headers.get("sec-websocket-version") != _VERSION:
        return HttpResponse(426, {"Upgrade": "websocket", "Sec-WebSocket-Version": _VERSION})
    if not _is_key(key) or subprotocol is None:
        text = f"A WebSocket for AMQP needs a key and one of the subprotocols {_SUBPROTOCOLS}."
        return HttpResponse.text(400, text)
    accept = hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()
    return HttpResponse(
        101,
        {
            "Upgrade": "websocket",
            "Sec-WebSocket-Accept": base64.b64encode(accept).decode(),
            "Sec-WebSocket-Protocol": subprotocol,
        },
    )


def wants_upgrade(request: HttpRequest) -> bool:
    """Whether a client asks for a WebSocket."""
    options = {name.strip().lower() for name in request.headers.get("connection", "").split(",")}
    return "upgrade" in options and request.headers.get("upgrade", "").lower() == "websocket"


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == _KEY_SIZE
    except binascii.Error:
        return False


class WebSocketTransport(InnerTransport):
    """What the protocol inside writes to: bytes in, frames out to the real transport."""

    def __init__(self, outer: asyncio.Transport) -> None:
        super().__init__(outer)
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send as one binary message."""
        if data and not self.is_closing():
            self._outer.write(encode(BINARY, data))

    def close(self) -> None:
        """Say goodbye; close when the client has said so, too, or after a while."""
        self.say_goodbye(NORMAL_CLOSURE)

    def say_goodbye(self, code: int) -> None:
        """Close as `close` does, with a code that tells why."""
        if self.is_closing():
            return
        self._closing = True
        self._outer.write(encode_close(code))
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_GOODBYE_SECONDS, self._outer.close)

    def goodbye_received(self, code: bytes) -> None:
        """The client says goodbye, or answers ours."""
        if not self.is_closing():
            self._outer.write(encode(CLOSE, code))
        self._outer.close()

    def lost(self) -> None:
        """The real transport is gone: nothing is waited for."""
        if self._timer is not None:
            self._timer.cancel()

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._closing or self._outer.is_closing()


class WebSocketProtocol(asyncio.Protocol):
    """Frames of one client after the handshake; what they carry goes to the protocol `inner`."""

    def __init__(self, inner: asyncio.Protocol) -> None:
        self._inner = inner
        self._frames = FrameDecoder()
        self._transport: WebSocketTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the protocol inside its transport."""
        transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._outer = transport
        self._transport = WebSocketTransport(transport)
        self._inner.connection_made(self._transport)

    def data_received(self, data: bytes) -> None:
        """Take frames apart; what is no frame ends the connection."""
        transport = self._transport
        if transport is None:
            return
        self._frames.feed(data)
        try:
            while not self._outer.is_closing() and (piece := self._frames.next_piece()) is not None:
                self._take(piece.opcode, piece.data, transport)
        except WebSocketError as fault:
            transport.say_goodbye(fault.code)
            self._outer.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the protocol inside."""
        if self._transport is not None:
            self._transport.lost()
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Tell the protocol inside."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Tell the protocol inside."""
        self._inner.resume_writing()

    def _take(self, opcode: int, data: bytes, transport: WebSocketTransport) -> None:
        if opcode == BINARY:
            if data and not transport.is_closing():
                self._inner.data_received(data)
        elif opcode == PING:
            # The latest ping is enough to answer (RFC 6455, 5.5.3), for those who read the answers.
            if self._outer.get_write_buffer_size() < _MOST_UNREAD:
                self._outer.write(encode(PONG, data))
        elif opcode == CLOSE:
            transport.goodbye_received(data[:2])  # the client's own code
