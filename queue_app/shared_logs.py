"""Logs for many readers: those who read the same part at the same time share one read."""

import asyncio

from queue_app.task_logs import LogPart, TaskLogs

FRESH_SECONDS = 0.2
"""How long a part that was read serves others who ask for it."""


class SharedLogs:
    """Reads parts of logs, each once for all who ask within a moment.

    Args:
        logs: where they are read.
        fresh_seconds: how long a part serves others.
    """

    def __init__(self, logs: TaskLogs, fresh_seconds: float = FRESH_SECONDS) -> None:
        self._logs = logs
        self._fresh_seconds = fresh_seconds
        self._reading: dict[tuple[str, int], asyncio.Task[LogPart]] = {}

    async def read(self, task_id: str, start: int) -> LogPart:
        """Read a part of a task's log from byte `start` on.

        Raises:
            StorageUnavailable: the storage did not answer.
        """
        key = task_id, start
        reading = self._reading.get(key)
        if reading is None:
            loop = asyncio.get_running_loop()
            reading = self._reading[key] = loop.create_task(self._logs.read(task_id, start))
            reading.add_done_callback(
                lambda _: loop.call_later(self._fresh_seconds, self._reading.pop, key, None)
            )
        return await asyncio.shield(reading)


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
