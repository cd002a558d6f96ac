"""Deadlines by key: the next one in O(1), a change in O(log n)."""

from __future__ import annotations

import heapq
from typing import Generic, TypeVar

Key = TypeVar("Key")
_SLACK = 64


class Timers(Generic[Key]):
    """At most one deadline for each key; times are seconds since the epoch.

    Cancelled and moved deadlines stay in the heap until they surface, or until they outnumber the
    live ones.
    """

    __slots__ = ("_count", "_entries", "_heap")

    def __init__(self) -> None:
        self._entries: dict[Key, tuple[float, int, Key]] = {}
        self._heap: list[tuple[float, int, Key]] = []
        self._count = 0  # keeps equal times in the order in which they were set

    def __len__(self) -> int:
        return len(self._entries)

    def set(self, key: Key, when: float) -> None:
        """Give `key` a deadline, in place of the one it had."""
        self._count += 1
        self._entries[key] = entry = (when, self._count, key)
        heapq.heappush(self._heap, entry)
        if len(self._heap) > 2 * len(self._entries) + _SLACK:
            self._heap = list(self._entries.values())
            heapq.heapify(self._heap)

    def cancel(self, key: Key) -> None:
        """Forget the deadline of `key`, if it has one."""
        self._entries.pop(key, None)

    def get(self, key: Key) -> float | None:
        """The deadline of `key`."""
        entry = self._entries.get(key)
        return None if entry is None else entry[0]

    def next(self) -> float | None:
        """The earliest deadline."""
        heap = self._heap
        while heap:
            entry = heap[0]
            if self._entries.get(entry[2]) is entry:
                return entry[0]
            heapq.heappop(heap)
        return None

    def peek(self) -> tuple[Key, float] | None:
        """The key with the earliest deadline, and that deadline."""
        when = self.next()
        return None if when is None else (self._heap[0][2], when)

    def pop_due(self, now: float) -> Key | None:
        """Take a key whose deadline has come, the earliest first; None when there is none."""
        when = self.next()
        if when is None or when > now:
            return None
        key = heapq.heappop(self._heap)[2]
        del self._entries[key]
        return key
