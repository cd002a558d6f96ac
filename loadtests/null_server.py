"""An endpoint that does nothing: how fast Locust is when it waits for nobody.

    python -m loadtests.null_server

It answers every request at once with the same bytes, which say what an API would: an id, SUCCESS.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys

from harness.processes import ManagedProcess

_ANSWER = json.dumps(
    {"task_id": "00000000-0000-4000-8000-000000000000", "status": "SUCCESS", "result": None}
).encode()
_RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
    + str(len(_ANSWER)).encode()
    + b"\r\n\r\n"
    + _ANSWER
)
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Requests:
    """Finds the ends of requests in a stream of bytes."""

    def __init__(self) -> None:
        self._buffer = b""
        self._left = 0

    def feed(self, data: bytes) -> int:
        """Take bytes; how many requests are now complete."""
        self._buffer += data
        complete = 0
        while True:
            if self._left:
                taken = min(self._left, len(self._buffer))
                self._buffer, self._left = self._buffer[taken:], self._left - taken
                if self._left:
                    return complete
                complete += 1
            end = self._buffer.find(_HEAD_END)
            if end < 0:
                return complete
            length = _LENGTH.search(self._buffer, 0, end)
            self._buffer = self._buffer[end + len(_HEAD_END) :]
            self._left = int(length[1]) if length else 0
            complete += not self._left


class _Protocol(asyncio.Protocol):
    def __init__(self) -> None:
        self._requests = Requests()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP has no other
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        count = self._requests.feed(data)
        if count and self._transport is not None:
            self._transport.write(_RESPONSE * count)


def start() -> tuple[ManagedProcess, str]:
    """Start it as a process; the process and its URL."""
    process = ManagedProcess("null endpoint", [sys.executable, "-m", "loadtests.null_server"])
    try:
        return process, process.wait_for_line(r"^(http://\S+)")[1]
    except BaseException:
        process.stop()
        raise


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Protocol, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
