"""When each task began, told by the tasks themselves through a file that is shared memory.

A slot for each task, by its number: the monotonic clock, which all processes of a machine share.
Writing a slot costs about a microsecond, so the task remains one that does nothing.
"""

from __future__ import annotations

import mmap
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SLOT = struct.Struct("<Q")
_open: dict[str, mmap.mmap] = {}


def record(path: str, number: int) -> None:
    """Note that the task of this number has begun; called by the task."""
    slots = _open.get(path)
    if slots is None:
        with open(path, "r+b") as file:  # noqa: PTH123 - called in a task, where imports cost
            slots = _open[path] = mmap.mmap(file.fileno(), 0)
    _SLOT.pack_into(slots, number * _SLOT.size, time.monotonic_ns())


class Stopwatch:
    """Slots for `count` tasks, in a new file.

    Args:
        path: The file, which tasks are told.
        count: How many tasks there are.
    """

    def __init__(self, path: Path, count: int) -> None:
        self.path = str(path)
        self.count = count
        path.write_bytes(bytes(count * _SLOT.size))
        with path.open("r+b") as file:
            self._slots = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")

    def begun(self, number: int) -> float | None:
        """When a task began, in seconds of `time.monotonic`; None when it has not."""
        return self._slots[number] / 1e9 or None

    def done(self) -> int:
        """How many tasks have begun."""
        return self.count - self._slots.tolist().count(0)

    def times(self) -> list[float]:
        """When the tasks that have begun did, in order."""
        return sorted(slot / 1e9 for slot in self._slots if slot)
