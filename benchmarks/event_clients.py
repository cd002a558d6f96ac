"""Many clients of `GET /status/{id}/events`, in one process that costs little.

    python -m benchmarks.event_clients          a servant

Each client is a connection that notes when an event with a mark came in; nothing is parsed.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

from benchmarks.http_load import request_bytes
from benchmarks.servant import serve

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from benchmarks.servant import Answer

_AT_ONCE = 25
_PATIENCE = 240.0


class Client(asyncio.Protocol):
    """One client, from its request on.

    Attributes:
        begun: Set when its first event has come.
        mark: What an event is searched for; None for none.
        came: When such an event came in, by the monotonic clock.
        refusal: The status line of an answer that is no stream; empty for one that is.
    """

    def __init__(self, path: str) -> None:
        self.begun = asyncio.Event()
        self.mark: bytes | None = None
        self.came = 0.0
        self.refusal = ""
        self._path = path

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP has no other
        self.transport = transport
        transport.write(request_bytes("GET", self._path))

    def data_received(self, data: bytes) -> None:
        """Note the time of the event that is waited for."""
        if self.mark is not None and self.mark in data:
            self.came = time.monotonic()
            self.mark = None
        elif b"event: status" in data:
            self.begun.set()
        elif data.startswith(b"HTTP/") and b" 200 " not in data[:16]:
            self.refusal = data.partition(b"\r\n")[0].decode()
            self.begun.set()


class Clients:
    """All clients of a measurement, on an event loop in a thread of its own."""

    def __init__(self) -> None:
        self._clients: list[Client] = []
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def open(self, *, port: int, paths: list[str]) -> Answer:
        """Open a stream for each path; returns when each has had its first event."""
        self._run(self._open(port, paths))
        return {"clients": len(self._clients)}

    def expect(self, *, mark: str) -> Answer:
        """From now on, note when an event with this mark comes."""
        for client in self._clients:
            client.came, client.mark = 0.0, mark.encode()
        return {}

    def arrivals(self) -> Answer:
        """Wait until each client has had the event; when, in the order of the paths."""
        end = time.monotonic() + _PATIENCE
        while any(client.mark is not None for client in self._clients):
            if time.monotonic() > end:
                missing = sum(client.mark is not None for client in self._clients)
                raise TimeoutError(f"{missing} clients did not get the event")
            threading.Event().wait(0.01)
        return {"times": [client.came for client in self._clients]}

    def close(self) -> Answer:
        """Close all."""
        for client in self._clients:
            self._loop.call_soon_threadsafe(client.transport.abort)
        self._clients = []
        return {}

    def _run(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    async def _open(self, port: int, paths: list[str]) -> None:
        at_once = asyncio.Semaphore(_AT_ONCE)

        async def open_one(path: str) -> Client:
            async with at_once:
                _, client = await self._loop.create_connection(
                    lambda: Client(path), "127.0.0.1", port
                )
                await client.begun.wait()
                if client.refusal:
                    raise ConnectionError(f"{path} was answered with {client.refusal}")
                return client

        self._clients = list(await asyncio.gather(*map(open_one, paths)))


if __name__ == "__main__":
    clients = Clients()
    serve(
        {
            "open": clients.open,
            "expect": clients.expect,
            "arrivals": clients.arrivals,
            "close": clients.close,
        }
    )
