"""A transport that leads nowhere: what a protocol writes can be read, and it can be closed.

And a protocol that remembers what it is told.
"""

import asyncio


class MemoryTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.writes = 0
        self.waiting = 0
        self.closed = False
        self.aborted = False
        self.reading = True

    def take(self) -> bytes:
        taken = bytes(self.written)
        self.written.clear()
        return taken

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data
        self.writes += 1

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limits = (high, low)


class ToldProtocol(asyncio.Protocol):
    """Remembers what happens to its transport; subclasses take the data."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def eof_received(self) -> None:
        self.told.append("eof")

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, _: Exception | None) -> None:
        self.told.append("lost")
