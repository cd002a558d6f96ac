"""Celery's prefork pool, with one write for each task that a child is given.

Set `worker_pool = "celery_azure.prefork:TaskPool"`.

Celery writes how long a task is, and then the task. The first write wakes the child, which can do
nothing yet, and on a machine that is busy takes the processor from the parent that is about to
write the rest.
"""

from __future__ import annotations

import select
from functools import partial
from typing import TYPE_CHECKING, Any

from celery.concurrency import asynpool, prefork

if TYPE_CHECKING:
    from collections.abc import Callable

_ATOMIC_BYTES = getattr(select, "PIPE_BUF", 512)
"""A pipe takes so many bytes all at once or not at all (POSIX asks for 512 at least)."""


class AsynPool(asynpool.AsynPool):  # type: ignore[misc] # celery publishes no types
    """What the pool has inside: its children, and the pipes to them."""

    _quick_put: Callable[[Any], object]

    def _create_write_handlers(self, *arguments: Any, **options: Any) -> None:
        super()._create_write_handlers(*arguments, **options)
        self._quick_put = partial(self._put, self._quick_put)

    def _put(self, put: Callable[[Any], object], message: Any) -> None:
        """Let a task wait for its child, length and content in one piece if they fit."""
        put(message)
        job = self._cache[message[1][0]]
        length, content, size = job._payload  # noqa: SLF001 - as `_write_job` finds it
        if len(length) + size <= _ATOMIC_BYTES:
            job._payload = bytes(length) + bytes(content), b"", 0  # noqa: SLF001


class TaskPool(prefork.TaskPool):  # type: ignore[misc]
    """Celery's prefork pool."""

    Pool = AsynPool
