"""Numbers that begin anew after 2**32, and what a session counts with them.

Source: RFC 1982, and OASIS AMQP 1.0, 2.5.6 (session flow control) and 2.8.10 (sequence numbers).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MASK = 0xFFFFFFFF
_HALF = 0x80000000


def ahead(one: int, other: int) -> int:
    """By how much the one number is ahead of the other; negative when it is behind."""
    distance = (one - other) & MASK
    return distance if distance < _HALF else distance - MASK - 1


def between(first: int, last: int, known: Mapping[int, object]) -> list[int]:
    """Which of the known numbers are from the first to the last, in order.

    The work is bounded by how many are known, however far apart the two are.
    """
    count = ahead(last, first) + 1
    if count <= len(known):
        numbers = ((first + step) & MASK for step in range(count))
        return [number for number in numbers if number in known]
    found = [number for number in known if 0 <= ahead(number, first) < count]
    return sorted(found, key=lambda number: ahead(number, first))


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """The first and last of those that follow each other without a gap; a turn ends a run."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][1] + 1:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


class OutgoingWindow:
    """How many more transfers the peer takes; those beyond wait.

    Attributes:
        next_id: The number of the next transfer.
    """

    def __init__(self) -> None:
        self.next_id = 0
        self._room = 0
        self._waiting: deque[tuple[object, bytes]] = deque()

    def open(self, room: int) -> None:
        """The session begins."""
        self._room = room

    def put(self, link: object, frame: bytes, output: list[bytes]) -> None:
        """Write a transfer of a link, or let it wait."""
        if self._room <= 0 or self._waiting:
            self._waiting.append((link, frame))
        else:
            self._write(frame, output)

    def update(self, seen: int | None, window: int, output: list[bytes]) -> None:
        """The peer tells which transfer it expects, and how many from there; write what may be."""
        under_way = ahead(self.next_id, seen or 0)
        self._room = max(0, window - under_way) if under_way >= 0 else 0
        while self._waiting and self._room > 0:
            self._write(self._waiting.popleft()[1], output)

    def forget(self, link: object) -> None:
        """Drop what waits of a link that is closed: its number may soon be that of another."""
        if self._waiting:
            self._waiting = deque(one for one in self._waiting if one[0] is not link)

    def _write(self, frame: bytes, output: list[bytes]) -> None:
        self._room -= 1
        self.next_id = (self.next_id + 1) & MASK
        output.append(frame)
