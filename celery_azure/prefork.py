"""Celery's prefork pool, whose parent process has less to do for each task.

Set `worker_pool = "celery_azure.prefork:TaskPool"`.

The parent bounds how many tasks its children can do. For each task, Celery's lets its event loop
wait until a pipe can be written to, which that of an idle child always can; writes how long the
task is, which wakes the child for nothing, and then the task; and reads each of the two messages
that the child sends in two pieces. Here an idle child is written to as soon as there is a task for
it, in one piece, and what it has sent is read at once. With `-O fast`, where Celery writes to
children that are busy, only the reading differs.
"""

from __future__ import annotations

import os
import select
from functools import partial
from pickle import HIGHEST_PROTOCOL, dumps, loads
from struct import Struct
from typing import TYPE_CHECKING, Any

from billiard.pool import DEATH
from celery.concurrency import asynpool, prefork

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ATOMIC_BYTES = getattr(select, "PIPE_BUF", 512)
"""A pipe takes so many bytes all at once or not at all (POSIX asks for 512 at least)."""

_READ_BYTES = 65_536
"""All that a pipe holds, usually."""

_LENGTH = Struct(">i")

_SOON_SECONDS, _LATE_SECONDS = 0.005, 2.0
"""When to look again whether a child has ended, each time after twice as long; and when no more."""


class ResultHandler(asynpool.ResultHandler):  # type: ignore[misc] # celery publishes no types
    """What listens to the children."""

    def _make_process_result(self, hub: Any) -> Callable[[int], None]:
        children = self.fileno_to_outq

        def on_readable(fd: int) -> None:
            """Read what a child has said."""
            if fd not in children:
                hub.remove_reader(fd)
                return
            try:
                data = os.read(fd, _READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if data:
                self._hear(hub, fd, data)
            else:
                hub.remove_reader(fd)

        return on_readable

    def _hear(self, hub: Any, fd: int, data: bytes) -> None:
        """Take what was read: whole messages at once, the rest of the last one when it comes."""
        size, start, messages = len(data), 0, []
        while size - start >= _LENGTH.size:
            end = start + _LENGTH.size + _LENGTH.unpack_from(data, start)[0]
            if end > size:
                break
            messages.append(data[start + _LENGTH.size : end])
            start = end
        if start < size:
            # Who ends the pool finds that somebody is in the midst of a message by the generator.
            rest = self._read_rest(hub, fd, bytearray(data[start:]))
            hub.add_reader(fd, rest)
        self._tell(hub, messages)

    def _tell(self, hub: Any, messages: list[bytes]) -> None:
        for number, content in enumerate(messages):
            message = loads(content)  # noqa: S301 - from a child
            if message:
                try:
                    self.on_state_change(message)
                except BaseException:
                    hub.call_soon(self._tell, hub, messages[number + 1 :])
                    raise
                if message[0] == DEATH:
                    hub.call_later(_SOON_SECONDS, self._see_off, hub, message)

    def _see_off(self, hub: Any, message: Any, again: float = _SOON_SECONDS) -> None:
        """Signal a child that wants to end once more, if it has not.

        It says so and sleeps for a second, unless a signal wakes it. One that comes just before it
        sleeps does not, and whoever reads quickly is as quick to send it.
        """
        _, (pid, _) = message
        if any(child.pid == pid and child.is_alive() for child in self.fileno_to_outq.values()):
            self.on_state_change(message)
            if again < _LATE_SECONDS:
                hub.call_later(again * 2, self._see_off, hub, message, again * 2)

    def _read_rest(self, hub: Any, fd: int, data: bytearray) -> Iterator[None]:
        """Read the rest of a message; goes on whenever there is more to read."""
        while missing := self._missing(data):
            try:
                more = os.read(fd, missing)
            except BlockingIOError:
                yield
                continue
            if not more:
                raise EOFError("a child has gone in the midst of a message")
            data += more
        hub.add_reader(fd, self.handle_event, fd)
        self._tell(hub, [bytes(data[_LENGTH.size :])])

    @staticmethod
    def _missing(data: bytearray) -> int:
        """How many bytes there are to come of a message, as far as is known."""
        if len(data) < _LENGTH.size:
            return _LENGTH.size - len(data)
        length: int = _LENGTH.unpack_from(data)[0]
        return _LENGTH.size + length - len(data)


class _Writers:
    """Stands before the event loop, for those who write: what is not there need not be removed.

    To ask the kernel takes longer than to look, and Celery asks after each task.
    """

    def __init__(self, hub: Any) -> None:
        self._hub = hub
        self.consolidate_callback: Any = None
        self.add, self.add_writer, self.remove = hub.add, hub.add_writer, hub.remove

    def remove_writer(self, fd: int) -> None:
        """Wait no more until it can be written to."""
        if fd in self._hub.writers:
            self._hub.remove_writer(fd)


class AsynPool(asynpool.AsynPool):  # type: ignore[misc]
    """What the pool has inside: its children, and the pipes to them."""

    ResultHandler = ResultHandler

    on_poll_start: Callable[[], object]
    _quick_put: Callable[[Any], object]

    def _event_process_exit(self, hub: Any, child: Any, again: float = _SOON_SECONDS) -> None:
        """Replace a child that ends, as soon as the system says that it has ended.

        Its pipes are closed a moment earlier. Celery looks then, and if that was too early, not
        again for five seconds, for which the task in the child's pipe waits.
        """
        super()._event_process_exit(hub, child)
        if child in self._pool and again < _LATE_SECONDS:
            hub.call_later(again, self._event_process_exit, hub, child, again * 2)

    def _create_write_handlers(self, hub: Any, *arguments: Any, **options: Any) -> None:
        writers = _Writers(hub)
        super()._create_write_handlers(writers, *arguments, **options)
        hub.consolidate_callback = writers.consolidate_callback
        if self.sched_strategy == asynpool.SCHED_STRATEGY_FAIR:
            self.on_poll_start = partial(self._hand_out, writers.consolidate_callback)
            self._quick_put = self._put

    def _put(self, message: Any) -> None:
        """Give a task to a child that is free, or let it wait for one."""
        job = self._cache[message[1][0]]
        content = dumps(message, protocol=HIGHEST_PROTOCOL)
        length = _LENGTH.pack(len(content))
        job._payload = length, content, len(content)  # noqa: SLF001 - where Celery looks for it
        if self.outbound_buffer or not self._write(job):
            self.outbound_buffer.append(job)
            self.on_poll_start()

    def _write(self, job: Any) -> bool:
        """Write a task to a child that is free; False when none takes it in one piece."""
        length, content, size = job._payload  # noqa: SLF001
        free = self._free()
        if not free or len(length) + size > _ATOMIC_BYTES:
            return False
        fd = free.pop()
        try:
            os.write(fd, length + content)
        except OSError:  # it is full, or the child has gone
            return False
        job._scheduled_for = job._write_to = child = self._fileno_to_inq[fd]  # noqa: SLF001
        self._busy_workers.add(fd)
        self.write_stats[child.index] += 1
        return True

    def _hand_out(self, write: Callable[[list[int]], object]) -> None:
        """Let Celery write what waits to the children that are free."""
        if self.outbound_buffer and (free := self._free()):
            write([*free])

    def _free(self) -> set[int]:
        free: set[int] = self._all_inqueues.difference(self._busy_workers, self._active_writes)
        return free


class TaskPool(prefork.TaskPool):  # type: ignore[misc]
    """Celery's prefork pool."""

    Pool = AsynPool
