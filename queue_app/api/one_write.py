"""An answer in one write, where uvicorn would write its head and its body one after the other.

Each write is a call of the system's, and wakes the client.
"""

import asyncio
from typing import Any

WRITER = "queue_app.writer"
"""In the scope: the connection's `Writer`, where the server has one."""


class Writer:
    """A connection's transport that keeps what is written for a moment, when it is told to.

    Args:
        transport: the connection's own.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._kept: list[bytes] | None = None
        self.is_closing = transport.is_closing

    def keep(self) -> None:
        """Keep what is written until `release`."""
        self._kept = []

    def release(self) -> None:
        """Write what was kept, at once."""
        kept, self._kept = self._kept, None
        if kept:
            self._transport.write(b"".join(kept))

    def write(self, data: bytes) -> None:
        """Write, or keep."""
        if self._kept is None:
            self._transport.write(data)
        else:
            self._kept.append(data)

    def close(self) -> None:
        """Write what was kept, and close."""
        self.release()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """Everything else is the transport's."""
        return getattr(self._transport, name)
