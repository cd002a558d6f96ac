"""A task as server-sent events: its status, progress, log lines, and the end.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from queue_app.api.lifecycle import Lifecycle
from queue_app.api.views import progress_members, status_body
from queue_app.errors import Unavailable
from queue_app.jobs import JobState, JobStatus, TaskRecord
from queue_app.payload import encode_json
from queue_app.shared_logs import SharedLogs, whole_lines
from queue_app.watching import Watch

LOOK_SECONDS = 0.5
"""How often the log is read, and how soon a stream notices that the service closes."""

_SILENCE_SECONDS = 15.0  # proxies cut what is silent for a minute
_LAST_LOOKS = 3  # a worker writes the end of its log and the end of its task at the same time


class EventStream:
    """The events of one task for one client.

    Args:
        task_id: the task.
        watch: its record, as it changes.
        logs: its log; None leaves out log lines.
        lifecycle: ends the stream when the service closes.
        log_start: where the client's log ends.
    """

    def __init__(
        self,
        task_id: str,
        watch: Watch,
        logs: SharedLogs | None,
        lifecycle: Lifecycle,
        log_start: int = 0,
    ) -> None:
        self._task_id = task_id
        self._watch = watch
        self._logs = logs
        self._lifecycle = lifecycle
        self._offset = log_start
        self._status = b""
        self._progress: Any = None

    async def events(self) -> AsyncIterator[bytes]:
        """Yield each event as it is to be sent, until the task has ended or the service closes."""
        loop = asyncio.get_running_loop()
        yield b"retry: 1000\n\n"
        spoken_at = loop.time()
        while True:
            record = self._watch.record
            said = self._news(record)
            async for part in self._log_lines(record, is_last=False):
                said += part
            if said:
                yield said
                spoken_at = loop.time()
            elif loop.time() - spoken_at > _SILENCE_SECONDS:
                yield b": still here\n\n"
                spoken_at = loop.time()
            if record is not None and record.state.is_end:
                break
            if self._lifecycle.is_closing:
                return
            await self._watch.change(LOOK_SECONDS)
        async for part in self._log_lines(record, is_last=True):
            yield part
        yield _event("end", self._status)

    def _news(self, record: TaskRecord | None) -> bytes:
        said = b""
        status = status_body(
            JobStatus(self._task_id, JobState.PENDING) if record is None else record.status()
        )
        if status != self._status:
            self._status = status
            said += _event("status", status)
        progress = None if record is None else record.progress
        if progress is not None and progress != self._progress:
            self._progress = progress
            said += _event("progress", encode_json(progress_members(progress)))
        return said

    async def _log_lines(self, record: TaskRecord | None, *, is_last: bool) -> AsyncIterator[bytes]:
        if self._logs is None or record is None:
            return
        looks = _LAST_LOOKS if is_last else 1
        while looks:
            try:
                part = await self._logs.read(self._task_id, self._offset)
            except Unavailable:
                return  # the log goes on when the storage is back, or at the next connection
            text, self._offset = whole_lines(part, at_end=is_last and looks == 1)
            if text:
                members = encode_json({"text": text, "next": self._offset})
                yield _event("log", members, str(self._offset))
            else:
                looks -= 1
                if looks:
                    await asyncio.sleep(LOOK_SECONDS / 2)


def _event(name: str, data: bytes, event_id: str | None = None) -> bytes:
    """JSON has no line breaks, so that one data field holds it."""
    identity = f"id: {event_id}\n" if event_id is not None else ""
    return f"event: {name}\n{identity}data: ".encode() + data + b"\n\n"
