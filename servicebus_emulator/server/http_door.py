"""The door for HTTP clients, and for those that begin in HTTP and go on in a WebSocket."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from servicebus_emulator.server.http_parser import BadRequestError, HttpParser
from servicebus_emulator.server.http_responses import (
    CONTINUE,
    SWITCHING_PROTOCOLS,
    HttpResponse,
    encode,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.server.http_parser import HttpRequest

LOGGER = logging.getLogger(__name__)
IDLE_SECONDS = 120.0


class HttpDoor(asyncio.Protocol):
    """One HTTP/1.1 connection; requests are answered in their order.

    Args:
        answer: From request to response.
        amqp_door: Makes a protocol for a client that goes on with AMQP over a WebSocket.
        patience: Seconds for which a client may be silent or take for one request.
    """

    def __init__(
        self,
        answer: Callable[[HttpRequest], HttpResponse],
        amqp_door: Callable[[], asyncio.Protocol],
        *,
        patience: float = IDLE_SECONDS,
    ) -> None:
        self._answer = answer
        self._amqp_door = amqp_door
        self._inside: asyncio.Protocol | None = None
        self._patience = patience
        self._is_deaf = False  # the client does not read its responses
        self._parser = HttpParser()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request, not for ever."""
        transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._transport = transport
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Answer the requests that are whole; after an upgrade, pass on."""
        if self._inside is not None:
            self._inside.data_received(data)
            return
        if self._transport is None or self._transport.is_closing():
            return
        self._parser.receive_data(data)
        self._answer_requests(self._transport)

    def _answer_requests(self, transport: asyncio.Transport) -> None:
        """Answer the requests that are whole, as long as the client reads the responses."""
        try:
            while not (transport.is_closing() or self._is_switched() or self._is_deaf):
                request = self._parser.next_request()
                if request is None:
                    break
                self._respond(request, transport)
        except BadRequestError as fault:
            transport.write(encode(HttpResponse.text(fault.status, str(fault)), "", close=True))
            transport.close()
            return
        if self._parser.wants_continue:
            self._parser.wants_continue = False
            transport.write(CONTINUE)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        if self._inside is not None:
            self._inside.connection_lost(exc)

    def pause_writing(self) -> None:
        """The client does not read its responses: read no more requests of it."""
        if self._inside is not None:
            self._inside.pause_writing()
        elif self._transport is not None:
            self._is_deaf = True
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The client reads again."""
        if self._inside is not None:
            self._inside.resume_writing()
        elif self._transport is not None:
            self._is_deaf = False
            self._transport.resume_reading()
            self._answer_requests(self._transport)

    def _respond(self, request: HttpRequest, transport: asyncio.Transport) -> None:
        self._wait()
        try:
            response = self._answer(request)
        except Exception:
            LOGGER.exception("%s %s failed", request.method, request.target.partition("?")[0])
            response = HttpResponse.text(500, "The emulator failed; its log says how.")
        transport.write(encode(response, request.method, close=not request.keep_alive))
        if response.status == SWITCHING_PROTOCOLS:
            self._switch(transport)
        elif not request.keep_alive:
            transport.close()

    def _is_switched(self) -> bool:
        return self._inside is not None

    def _switch(self, transport: asyncio.Transport) -> None:
        """Go on with AMQP in WebSocket frames."""
        from servicebus_emulator.server.websocket import WebSocketProtocol  # noqa: PLC0415 (rare)

        self._stop_waiting()
        self._inside = WebSocketProtocol(self._amqp_door())
        self._inside.connection_made(transport)
        self._inside.data_received(self._parser.take_rest())

    def _wait(self) -> None:
        self._stop_waiting()
        if self._transport is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._patience, self._transport.close)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
