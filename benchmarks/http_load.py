"""A load generator that costs little: HTTP/1.1 over kept connections, bytes made beforehand.

    python -m benchmarks.http_load          a servant

It sends the next request on a connection when the answer to the last has come. What it costs
itself is part of its answer, so that nobody measures the generator.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING

from benchmarks.figures import percentile
from benchmarks.servant import serve

if TYPE_CHECKING:
    from benchmarks.servant import Answer

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STATUS = slice(9, 12)


def request_bytes(method: str, path: str, body: bytes = b"") -> bytes:
    """Write a request as it goes over the wire."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class Answers:
    """Finds the ends of answers in a stream of bytes; answers without a length are refused."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[int]:
        """Take bytes; the status codes of the answers that are now complete."""
        self._buffer += data
        codes = []
        while (end := self._buffer.find(_HEAD_END)) >= 0:
            length = _LENGTH.search(self._buffer, 0, end)
            if length is None:
                raise ValueError("an answer has no Content-Length")
            whole = end + len(_HEAD_END) + int(length[1])
            if len(self._buffer) < whole:
                break
            codes.append(int(self._buffer[_STATUS]))
            self._buffer = self._buffer[whole:]
        return codes


class Run:
    """The requests of one measurement, which all connections share."""

    def __init__(self, requests: list[bytes], seconds: float) -> None:
        self.requests = requests
        self.begin = time.perf_counter()
        self.end = self.begin + seconds
        self.sent = 0
        self.latencies: list[float] = []
        self.errors: dict[int, int] = {}

    def next_request(self) -> bytes | None:
        """What to send now; None when the time is over."""
        if time.perf_counter() >= self.end:
            return None
        self.sent += 1
        return self.requests[self.sent % len(self.requests)]

    def note(self, code: int, seconds: float) -> None:
        """Take an answer."""
        self.latencies.append(seconds)
        if code != 200:  # noqa: PLR2004
            self.errors[code] = self.errors.get(code, 0) + 1


class Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self, run: Run, done: asyncio.Future[None]) -> None:
        self._run = run
        self._done = done
        self._answers = Answers()
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP has no other
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Note the answer and send the next request."""
        try:
            codes = self._answers.feed(data)
        except ValueError as error:
            if not self._done.done():
                self._done.set_exception(error)
            return
        for code in codes:
            self._run.note(code, time.perf_counter() - self._sent_at)
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; before the time is over that is an error."""
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server hung up"))

    def _send(self) -> None:
        request = self._run.next_request()
        if self._transport is None:
            return
        if request is not None:
            self._sent_at = time.perf_counter()
            self._transport.write(request)
        elif not self._done.done():
            self._done.set_result(None)
            self._transport.close()


async def _load(run: Run, port: int, connections: int) -> None:
    loop = asyncio.get_running_loop()
    ends: list[asyncio.Future[None]] = [loop.create_future() for _ in range(connections)]
    for end in ends:
        await loop.create_connection(lambda end=end: Connection(run, end), "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*ends)


def load(
    *, port: int, method: str, paths: list[str], body: str, connections: int, seconds: float
) -> Answer:
    """Send requests for a time.

    Args:
        port: Of the server, on loopback.
        method: `GET` or `POST`.
        paths: Taken in turn.
        body: JSON, or empty.
        connections: How many are used at the same time.
        seconds: How long.

    Returns:
        `requests`, `seconds`, `cpu` (of the generator), `p50` and `p95` in milliseconds, and
        `errors`: how many answers had which code other than 200.
    """
    run = Run([request_bytes(method, path, body.encode()) for path in paths], seconds)
    cpu = time.process_time()
    asyncio.run(_load(run, port, connections))
    return {
        "requests": len(run.latencies),
        "seconds": time.perf_counter() - run.begin,
        "cpu": time.process_time() - cpu,
        "p50": percentile(run.latencies, 50) * 1000,
        "p95": percentile(run.latencies, 95) * 1000,
        "errors": run.errors,
    }


if __name__ == "__main__":
    serve({"load": load})
