"""Writes the logs of tasks to append blobs, in a thread of its own."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Protocol

from azure.core.exceptions import AzureError
from celery.utils.log import get_logger

from celery_azure.blobs import ChangedMeanwhileError
from celery_azure.log_buffer import Budget, LogBuffer

if TYPE_CHECKING:
    from collections.abc import Iterable

logger = get_logger(__name__)

INTERVAL_SECONDS = 2.0
_TASK_BYTES = 1024 * 1024  # that wait; a block of an append blob may have 4 MiB
_PROCESS_BYTES = 8 * 1024 * 1024
_MAX_ENDED = 10_000
_SERVER_ERROR = 500


class LogBlobs(Protocol):
    """The container of the logs, as `BlobContainer` is one."""

    def create_log(self, name: str) -> None:
        """Create an empty append blob."""

    def append(self, name: str, content: bytes, at: int) -> int | None:
        """Append to an append blob of `at` bytes; its new length, None when there is no blob."""

    def size(self, name: str) -> int | None:
        """The length of a blob in bytes; None when there is none."""


LOG_PREFIX = "logs/"


def log_name(task_id: str) -> str:
    """The blob that holds the log of a task."""
    return f"{LOG_PREFIX}{task_id}.log"


def append_to_log(blobs: LogBlobs, name: str, data: bytes, position: int | None) -> int:
    """Append to a log, wherever it ends, once; where it ends then.

    An answer that was lost is no reason to write the same again: the length tells.

    Args:
        blobs: The container.
        name: The blob, which is created when it is missing.
        data: At most 4 MiB.
        position: Its length, as far as known; None for a blob that may not be there.

    Raises:
        AzureError: It could not be written.
    """
    while True:
        if position is None:
            try:
                blobs.create_log(name)
                position = 0
            except ChangedMeanwhileError:  # an earlier run of the task has written one
                position = blobs.size(name)
                continue
        try:
            end = blobs.append(name, data, position)
        except ChangedMeanwhileError:
            length = blobs.size(name)
            if length == position + len(data):
                return length
            position = length
            continue
        if end is not None:
            return end
        position = None


class LogWriter:
    """Gives each task a buffer, and writes what is in them: all few seconds, and when tasks end.

    Used by any thread. A child of this process has a thread of its own, and none of the buffers.

    Args:
        blobs: The container.
        interval: Seconds between two writes of a task that runs.
    """

    def __init__(self, blobs: LogBlobs, interval: float = INTERVAL_SECONDS) -> None:
        self._blobs = blobs
        self._interval = interval
        self._thread: threading.Thread | None = None
        self._ended: list[LogBuffer] = []
        self._begin()

    def open(self, task_id: str) -> LogBuffer:
        """Begin the log of a task; costs next to nothing while the task logs nothing."""
        if self._pid != os.getpid():
            self._begin()
        return LogBuffer(task_id, self._budget, _TASK_BYTES, self._note)

    def end(self, buffer: LogBuffer) -> None:
        """The task has ended: write its log now; returns at once."""
        with self._changed:
            self._open.pop(id(buffer), None)
            if not buffer:
                return
            if len(self._ended) >= _MAX_ENDED:
                logger.warning("The log of task %s is lost: too many wait.", buffer.task_id)
                buffer.take()
                return
            self._ended.append(buffer)
            self._changed.notify_all()

    def drain(self, timeout: float) -> bool:
        """Wait until the logs of all tasks that have ended are written; whether they are."""
        if self._pid != os.getpid():
            return True
        with self._changed:
            self._retry_at = 0.0
            self._changed.notify_all()
            return self._changed.wait_for(self._is_done, timeout)

    def write_ended(self) -> bool:
        """Write the logs of tasks that have ended; what fails waits again. Whether all went."""
        with self._changed:
            ended = self._ended
            self._ended = []
            self._is_busy = bool(ended)
        failed = self._write_all(ended)
        with self._changed:
            self._ended = failed + self._ended
            self._is_busy = False
            self._changed.notify_all()
        return not failed

    def write_open(self) -> None:
        """Write what tasks that run have logged until now."""
        with self._changed:
            running = [buffer for buffer in self._open.values() if buffer]
            self._is_busy = bool(running)
        failed = self._write_all(running)
        with self._changed:  # a task that has ended meanwhile had nothing left to be written
            self._ended += [buffer for buffer in failed if id(buffer) not in self._open]
            self._is_busy = False
            self._changed.notify_all()

    def _write_all(self, buffers: Iterable[LogBuffer]) -> list[LogBuffer]:
        """Write buffers, in order, until one fails; those that are not written."""
        failed: list[LogBuffer] = []
        for buffer in buffers:
            if failed or not self._write(buffer):
                failed.append(buffer)
        return failed

    def _write(self, buffer: LogBuffer) -> bool:
        data = buffer.take()
        if not data:
            return True
        try:
            buffer.position = append_to_log(
                self._blobs, log_name(buffer.task_id), data, buffer.position
            )
        except AzureError as error:
            status = getattr(error, "status_code", None)
            if status is not None and status < _SERVER_ERROR:  # it would be refused again
                logger.warning("A log of task %s is not written: %s", buffer.task_id, error)
                return True
            buffer.put_back(data)
            return False
        return True

    def _is_done(self) -> bool:
        return not self._ended and not self._is_busy

    def _note(self, buffer: LogBuffer) -> None:
        """A task has logged something that its writer does not know of."""
        with self._changed:
            if not self._open:
                self._next_round = time.monotonic() + self._interval
                self._changed.notify_all()
            self._open[id(buffer)] = buffer
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="task logs", daemon=True)
                self._thread.start()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._budget = Budget(_PROCESS_BYTES)
        self._changed = threading.Condition()
        self._open: dict[int, LogBuffer] = {}
        self._ended = []
        self._is_busy = False
        self._next_round = 0.0  # when what runs is written, by the monotonic clock
        self._retry_at = 0.0  # when what has ended is written; past, unless writing has failed
        self._thread = None

    def _run(self) -> None:
        while True:
            self._wait()
            now = time.monotonic()
            try:
                if self._retry_at <= now:
                    self._retry_at = 0.0 if self.write_ended() else now + self._interval
                if self._next_round <= now:
                    self.write_open()
                    self._next_round = now + self._interval
            except Exception:
                logger.exception("Logs of tasks are not written")
                self._retry_at = self._next_round = now + self._interval

    def _wait(self) -> None:
        """Wait until there is something to write."""
        with self._changed:
            while True:
                due = min(
                    self._retry_at if self._ended else float("inf"),
                    self._next_round if self._open else float("inf"),
                )
                seconds = due - time.monotonic()
                if seconds <= 0:
                    return
                self._changed.wait(min(seconds, threading.TIMEOUT_MAX))
