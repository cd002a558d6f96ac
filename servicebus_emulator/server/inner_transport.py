"""What a protocol inside another one writes to, as far as the real transport does the work."""

from __future__ import annotations

import asyncio
from typing import Any


class InnerTransport(asyncio.Transport):
    """Passes on to the real transport what is the same within TLS or a WebSocket as without.

    Subclasses write and close in their own way.
    """

    def __init__(self, outer: asyncio.Transport) -> None:
        super().__init__()
        self._outer = outer

    def abort(self) -> None:
        """Close at once."""
        self._outer.abort()

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""
        return self._outer.is_closing()

    def pause_reading(self) -> None:
        """Take no more bytes from the network."""
        self._outer.pause_reading()

    def resume_reading(self) -> None:
        """Take bytes again."""
        self._outer.resume_reading()

    def get_write_buffer_size(self) -> int:
        """Bytes that wait for the network."""
        return self._outer.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """When the protocol is told to pause and to resume writing."""
        self._outer.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Whatever the real transport knows."""
        return self._outer.get_extra_info(name, default)
