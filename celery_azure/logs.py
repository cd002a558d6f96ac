"""Task logs: what is logged while a task runs, by any logger, is appended to a blob of its own.

    app = Celery(...)
    install_task_logs(app, BlobContainer(account, "celery", LOG_PATIENCE))

The blob is `logs/<task id>.log`: text in UTF-8, a line a record, times in UTC. A second run of a
task appends to the log of the first. A task never waits for its log: lines are kept in memory, up
to a limit, and written by a thread every two seconds and when the task has ended; what is dropped
meanwhile is counted in the log. A worker that stops writes what is left; one that is killed loses
the last seconds. Levels are the worker's (`--loglevel`). What Celery itself says of a success is
left out, so that tasks that log nothing cost nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from celery import signals

from celery_azure.blobs import Patience
from celery_azure.log_writer import LogWriter, log_name

if TYPE_CHECKING:
    from celery import Celery

    from celery_azure.log_buffer import LogBuffer
    from celery_azure.log_writer import LogBlobs

LOG_PATIENCE = Patience(connection_timeout=2.0, read_timeout=10.0, retries=1)
"""What cannot be written waits in memory, so nothing is gained by trying for long."""

PART_BYTES = 262_144
"""The most that one read of a log returns."""

_STOP_SECONDS = 5.0
_SEPARATE_LOGGERS = ("celery", "celery.task")  # Celery may give these handlers of their own


class ReadableBlobs(Protocol):
    """A container, as `BlobContainer` is one."""

    def read_part(self, name: str, start: int, length: int) -> bytes | None:
        """Read at most `length` bytes from `start` on; None when there is no such blob."""


class TaskLogHandler(logging.Handler):
    """Gives records to the buffer of the task that runs in their thread; drops all others."""

    def __init__(self) -> None:
        super().__init__()
        formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
        formatter.converter = time.gmtime
        formatter.default_time_format = "%Y-%m-%dT%H:%M:%S"
        formatter.default_msec_format = "%s.%03dZ"
        self.setFormatter(formatter)
        self._local = threading.local()

    def begin(self, buffer: LogBuffer) -> None:
        """A task begins in this thread, perhaps inside another one."""
        self._buffers().append(buffer)

    def end(self) -> LogBuffer | None:
        """The innermost task of this thread ends; its buffer."""
        buffers = self._buffers()
        return buffers.pop() if buffers else None

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""
        buffers = self._buffers()
        if not buffers or (record.name == "celery.app.trace" and record.levelno < logging.WARNING):
            return
        try:
            buffers[-1].add(self.format(record) + "\n")
        except Exception:  # noqa: BLE001 - as every handler of the standard library does
            self.handleError(record)

    def attach(self) -> None:
        """Listen to the root logger, and to those whose records do not reach it."""
        root = logging.getLogger()
        loggers = [root]
        loggers += [
            separate
            for separate in map(logging.getLogger, _SEPARATE_LOGGERS)
            if not _reaches(separate, root)
        ]
        for listened in loggers:
            if self not in listened.handlers:
                listened.addHandler(self)

    def _buffers(self) -> list[LogBuffer]:
        try:
            buffers: list[LogBuffer] = self._local.buffers
        except AttributeError:
            buffers = self._local.buffers = []
        return buffers


def install_task_logs(app: Celery, blobs: LogBlobs) -> LogWriter:
    """Write the log of every task of this app that runs in this process, or in its children."""
    handler, writer = TaskLogHandler(), LogWriter(blobs)

    def begin(task_id: str, task: Any, **_: object) -> None:
        if task.app is app:
            handler.attach()
            handler.begin(writer.open(task_id))

    def end(task: Any, **_: object) -> None:
        if task.app is app and (buffer := handler.end()) is not None:
            writer.end(buffer)

    def stop(**_: object) -> None:
        writer.drain(_STOP_SECONDS)

    signals.task_prerun.connect(begin, weak=False)
    signals.task_postrun.connect(end, weak=False)
    signals.worker_process_shutdown.connect(stop, weak=False)
    signals.worker_shutdown.connect(stop, weak=False)
    return writer


def read_log(
    blobs: ReadableBlobs, task_id: str, start: int = 0, length: int = PART_BYTES
) -> tuple[bytes, int]:
    """Read a task's log from byte `start` on: at most `length` bytes, and where to read on.

    A task that has logged nothing has an empty log.

    Raises:
        AzureError: The storage did not answer, or refuses.
    """
    data = blobs.read_part(log_name(task_id), start, length) or b""
    return data, start + len(data)


def _reaches(logger: logging.Logger, root: logging.Logger) -> bool:
    """Whether records of a logger are given to the root logger's handlers."""
    found: logging.Logger | None = logger
    while found is not None and found is not root:
        if not found.propagate:
            return False
        found = found.parent
    return True
