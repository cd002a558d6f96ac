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

    async def read(self, task_id: str, start: int, length: int = MAX_PART_BYTES) -> LogPart:
        """Read a part of a task's log from byte `start` on.

        Raises:
            StorageUnavailable: the storage did not answer.
        """
        data = await self._blobs.read_part(log_name(task_id), start, length)
        return LogPart(start, data or b"")


def log_name(task_id: str) -> str:
    """The blob that holds the log of a task."""
    return f"logs/{task_id}.log"
