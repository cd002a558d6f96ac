"""The least that a server in asyncio's own event loop costs: the round trips, and nothing else.

    python -m benchmarks.bare_loop

prints its port, and answers what it reads by its length alone, with as many bytes as the emulator
answers to the SDK's frames of that length.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from harness.processes import ManagedProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

_TRANSFER, _ACCEPTED = (598, 31), (26, 31)
_DELIVERY = (38, 767)  # a flow, and the transfer that answers it
ROUND_TRIPS = {
    "send": (_TRANSFER,),
    "receive": (_DELIVERY, _ACCEPTED),
    "iterate": (_DELIVERY, _ACCEPTED),
}
"""Bytes to and from the emulator for one message of 500 B, by what the SDK does with it."""
_ANSWERS = {asked: bytes(told) for trips in ROUND_TRIPS.values() for asked, told in trips}
_PATIENCE = 30.0


class BareLoop:
    """A client of such a server."""

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self.pid = pid
        self._connection = connection

    def exchange(self, verb: str, count: int, seconds: float) -> None:
        """Make the round trips of some messages, in as long as a client takes that has work to do.

        In between this computes: a server that sleeps meanwhile finds other things in the caches,
        and needs two or three times as long for the same.
        """
        trips = ROUND_TRIPS[verb] * count
        begin = time.perf_counter()
        for number, (asked, told) in enumerate(trips, 1):
            self._connection.sendall(bytes(asked))
            self._connection.recv(told, socket.MSG_WAITALL)
            while time.perf_counter() < begin + seconds * number / len(trips):
                pass


@contextmanager
def bare_loop() -> Iterator[BareLoop]:
    """Run a server, and connect to it."""
    command = [sys.executable, "-m", "benchmarks.bare_loop"]
    with ManagedProcess("bare loop", command) as process:
        address = "127.0.0.1", int(process.wait_for_line(r"^(?P<port>\d+)$")["port"])
        with socket.create_connection(address, _PATIENCE) as connection:
            yield BareLoop(process.pid, connection)


class _Answerer(asyncio.BufferedProtocol):
    def __init__(self) -> None:
        self._buffer = bytearray(4096)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, _: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._transport.write(_ANSWERS[nbytes])


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Answerer, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
