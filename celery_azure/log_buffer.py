"""Lines of a task's log that wait to be written: bounded, what is dropped is counted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Budget:
    """How many bytes may wait in all buffers of a process."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Take bytes, if so many are left."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give_back(self, size: int) -> None:
        """Free bytes for others."""
        with self._lock:
            self._left += size


class LogBuffer:
    """The lines of one task.

    Args:
        task_id: Whose they are.
        budget: Shared with the other buffers.
        limit: The most that waits here, in bytes.
        wake: Called when something waits, after nothing did.
    """

    def __init__(
        self, task_id: str, budget: Budget, limit: int, wake: Callable[[LogBuffer], None]
    ) -> None:
        self.task_id = task_id
        self.position: int | None = None
        """Length of the blob, as its writer knows it; None before it is created."""
        self._budget = budget
        self._limit = limit
        self._wake = wake
        self._lines: list[bytes] = []
        self._size = 0
        self._dropped = 0
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self._lines or self._dropped)

    def add(self, text: str) -> None:
        """Add text that ends with a line; it is dropped when there is no room."""
        line = text.encode("utf-8", "backslashreplace")
        with self._lock:
            was_empty = not self
            if self._size + len(line) <= self._limit and self._budget.take(len(line)):
                self._note_drops()
                self._lines.append(line)
                self._size += len(line)
            else:
                self._dropped += 1
        if was_empty:
            self._wake(self)

    def take(self) -> bytes:
        """All that waits; it waits no more."""
        with self._lock:
            self._note_drops()
            data = b"".join(self._lines)
            self._lines.clear()
            self._budget.give_back(self._size)
            self._size = 0
            return data

    def put_back(self, data: bytes) -> None:
        """Let what could not be written wait again, in front; dropped when there is no room."""
        with self._lock:
            if self._size + len(data) <= self._limit and self._budget.take(len(data)):
                self._lines.insert(0, data)
                self._size += len(data)
            else:
                self._lines.insert(0, _note(data.count(b"\n")))

    def _note_drops(self) -> None:
        """Say in the log, where they would have been, how many records are missing."""
        if self._dropped:
            self._lines.append(_note(self._dropped))
            self._dropped = 0


def _note(count: int) -> bytes:
    return b"[%d records dropped: they could not be written in time]\n" % count
