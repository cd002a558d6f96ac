"""Bytes on their way: each chunk arrives after its own time, none before the one ahead of it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class DelayLine:
    """One direction of a slow connection.

    Args:
        deliver: Called with each chunk when it arrives.
    """

    def __init__(self, deliver: Callable[[bytes], None]) -> None:
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._chunks: deque[tuple[float, bytes]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing is on its way."""
        return not self._chunks

    def send(self, data: bytes, delay: float) -> None:
        """Let a chunk arrive in `delay` seconds of real time, or behind its predecessors."""
        self._chunks.append((self._loop.time() + delay, data))
        if self._timer is None:
            self._timer = self._loop.call_later(delay, self._arrive)

    def close(self) -> None:
        """Lose what is on its way."""
        self._chunks.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arrive(self) -> None:
        self._timer = None
        while self._chunks and self._chunks[0][0] <= self._loop.time():
            self._deliver(self._chunks.popleft()[1])
        if self._chunks and self._timer is None:
            self._timer = self._loop.call_at(self._chunks[0][0], self._arrive)
