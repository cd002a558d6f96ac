"""A connection to uvicorn's protocol without a socket."""

import asyncio
from typing import Any, cast

from starlette.types import ASGIApp
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from queue_app.api.request_heads import guard


class GuardedProtocol(HttpToolsProtocol):
    """One of our own, so that no other test finds uvicorn's changed."""


guard(GuardedProtocol)


class Wire:
    """Stands for the transport of a connection, and for the client behind it.

    Args:
        app: who answers.
        protocol: uvicorn's, or one like it.
    """

    def __init__(self, app: ASGIApp, protocol: type[HttpToolsProtocol] = GuardedProtocol) -> None:
        self.writes: list[bytes] = []
        self.is_closed = False
        self._state = ServerState()
        self._protocol = protocol(Config(app), self._state, {})
        self._protocol.connection_made(cast("asyncio.Transport", self))

    async def send(self, *pieces: bytes) -> list[bytes]:
        """Send pieces, each in a read of its own; the status codes of the answers so far."""
        self.feed(*pieces)
        while self._state.tasks:
            await asyncio.gather(*self._state.tasks)
            await asyncio.sleep(0)
        return [part[:3] for part in self.written.split(b"HTTP/1.1 ")[1:]]

    def feed(self, *pieces: bytes) -> None:
        """Send pieces, and wait for nothing."""
        for piece in pieces:
            if not self.is_closed:
                self._protocol.data_received(piece)

    def end(self) -> None:
        self._protocol.connection_lost(None)

    def get_extra_info(self, _name: str) -> Any:
        return None

    @property
    def written(self) -> bytes:
        """All that the client gets."""
        return b"".join(self.writes)

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        """Needs nothing: pieces are given."""

    resume_reading = pause_reading
