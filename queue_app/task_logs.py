"""The log of a task, as the worker appends it to a blob."""

from dataclasses import dataclass

from queue_app.blob_store import BlobStore

MAX_PART_BYTES = 262_144
"""The most that one read returns."""


@dataclass(frozen=True, slots=True)
class LogPart:
    """Consecutive bytes of a log: UTF-8 text that may end within a character."""

    start: int
    data: bytes

    @property
    def next(self) -> int:
        """Where to read on."""
        return self.start + len(self.data)


class TaskLogs:
    """Reads logs; a task that has not written any has an empty one."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    async def read(self, task_id: str, start: int, length: int | None = None) -> LogPart:
        """Read a part of a task's log from byte `start` on, of at most `MAX_PART_BYTES`.

        Raises:
            StorageUnavailable: the storage did not answer.
        """
        data = await self._blobs.read_part(
            log_name(task_id), start, min(length or MAX_PART_BYTES, MAX_PART_BYTES)
        )
        return LogPart(start, data or b"")


def log_name(task_id: str) -> str:
    """The blob that holds the log of a task."""
    return f"logs/{task_id}.log"


def whole_lines(part: LogPart, *, at_end: bool = False) -> tuple[str, int]:
    """The text of a part up to its last line break, and where to read on.

    A line without an end yet waits for it, unless it is the last one or longer than a part.
    """
    data = part.data
    if not at_end:
        end = data.rfind(b"\n") + 1
        if end == 0 and len(data) > _LONGEST_LINE:
            end = _character_end(data)
        data = data[:end]
    return data.decode(errors="replace"), part.start + len(data)


_LONGEST_LINE = 65_536


def _character_end(data: bytes) -> int:
    """Where the last whole UTF-8 character ends."""
    for back in range(1, 5):
        byte = data[-back]
        if byte < 0x80:  # noqa: PLR2004 - ASCII
            return len(data) - back + 1
        if byte >= 0xC0:  # noqa: PLR2004 - the first byte of several
            return len(data) - back
    return len(data)
