"""The port: opens it, knows every connection on it, and closes them all in the end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from servicebus_emulator.server.front_door import FrontDoor

if TYPE_CHECKING:
    from servicebus_emulator.server.front_door import House

_BACKLOG = 1024
_READ_SIZE = 256 * 1024
_TURNS_TO_ACCEPT = 3  # of the event loop, from the system's accept to `connection_made`


class Listener:
    """A listening TCP port, all of whose connections are known.

    Args:
        house: What stands behind the front door.

    Attributes:
        buffer: What every connection is read into; nothing stays there.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Transport] = set()
        self._all_gone = asyncio.Event()
        self._all_gone.set()
        self.buffer = memoryview(bytearray(_READ_SIZE))

    @property
    def port(self) -> int:
        """The port that is really open (0 asked the system for a free one)."""
        if self._server is None or not self._server.sockets:
            raise RuntimeError("the port is not open")
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self, host: str, port: int) -> None:
        """Listen.

        Raises:
            OSError: The port is taken, or the host is none of ours.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _CountedFrontDoor(self._house, self), host, port, backlog=_BACKLOG
        )

    async def stop_accepting(self) -> None:
        """Take no new connections; those that are there stay."""
        if self._server is None:
            return
        # asyncio loses a connection that is being accepted while its server closes. So: accept no
        # more, let those that are on their way come in, close the port.
        loop = asyncio.get_running_loop()
        with contextlib.suppress(NotImplementedError):  # Windows' own event loop
            for listening in self._server.sockets:
                loop.remove_reader(listening.fileno())
        for _ in range(_TURNS_TO_ACCEPT):
            await asyncio.sleep(0)
        self._server.close()

    async def close(self, patience: float) -> None:
        """Close all connections: what is left to write has `patience` seconds to leave."""
        await self.stop_accepting()
        for transport in tuple(self._connections):
            transport.close()
        try:
            await asyncio.wait_for(self._all_gone.wait(), patience)
        except TimeoutError:
            for transport in tuple(self._connections):
                transport.abort()
            await self._all_gone.wait()

    def entered(self, transport: asyncio.Transport) -> None:
        """Remember a connection."""
        self._connections.add(transport)
        self._all_gone.clear()

    def left(self, transport: asyncio.Transport) -> None:
        """Forget a connection."""
        self._connections.discard(transport)
        if not self._connections:
            self._all_gone.set()


class _CountedFrontDoor(FrontDoor, asyncio.BufferedProtocol):
    """A front door whose comings and goings the listener knows.

    asyncio would otherwise get 256 KiB of memory from the system for each read, and give it back,
    which costs more than to copy what has been read.
    """

    def __init__(self, house: House, listener: Listener) -> None:
        super().__init__(house)
        self._listener = listener

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._transport is not None:
            self._listener.entered(self._transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        del sizehint
        return self._listener.buffer

    def buffer_updated(self, nbytes: int) -> None:
        receive = self.data_received if self._door is None else self._door.data_received
        receive(bytes(self._listener.buffer[:nbytes]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._listener.left(self._transport)
        super().connection_lost(exc)
