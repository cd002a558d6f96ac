"""Reads results for an event loop: at most one read at a time for an id, none for what is known.

A success never changes (`results.py`), so it is kept, in as many bytes as the cache may hold.
Another end can be followed by a success, when a message comes again; it is kept for a moment.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from celery import states

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_azure.blobs import Blob

CACHE_BYTES = 32 * 1024 * 1024

_ENTRY_BYTES = 500  # of an entry beside its content, measured
_MAX_SHARE = 8  # no result takes more than this part of the cache
_KEPT_SECONDS = 600.0  # a result that was removed is still shown for so long
_FRESH_SECONDS = 1.0  # an end that is no success


@dataclass(frozen=True, slots=True)
class StoredResult:
    """What is stored of a task.

    Attributes:
        meta: As Celery's backends write it: `status`, `result`, `traceback`, `date_done` ...
        etag: Its version; two that are equal are the same.
    """

    meta: dict[str, Any]
    etag: str


class Blobs(Protocol):
    """Where results are."""

    async def read(self, name: str) -> Blob | None:
        """Read a blob; None when there is none."""

    def close(self) -> None:
        """Close idle connections."""


@dataclass(slots=True)
class _Entry:
    blob: Blob
    valid_until: float
    size: int
    form: Any = None


class ResultReader:
    """Reads what a `BlobBackend` has stored.

    Args:
        blobs: The container.
        key_of: Gives the name of the blob for a task's id.
        decode: Reads its content.
        cache_bytes: How much memory results that do not change may take.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        blobs: Blobs,
        key_of: Callable[[str], str],
        decode: Callable[[bytes], dict[str, Any]],
        *,
        cache_bytes: int = CACHE_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blobs = blobs
        self._key_of = key_of
        self._decode = decode
        self._clock = clock
        self._limit = cache_bytes
        self._used = 0
        self._kept: OrderedDict[str, _Entry] = OrderedDict()
        self._under_way: dict[str, asyncio.Task[StoredResult | None]] = {}

    def known(self, task_id: str) -> StoredResult | None:
        """What is known of a task without asking; None when that is nothing."""
        entry = self._recall(task_id)
        if entry is None:
            return None
        return StoredResult(self._decode(entry.blob.content), entry.blob.etag)

    def form(self, task_id: str) -> Any:
        """What `keep_form` has left with what is known of a task; None when that is nothing."""
        entry = self._recall(task_id)
        return None if entry is None else entry.form

    def keep_form(self, task_id: str, etag: str, form: object, size: int) -> None:
        """Leave with a result what was made of it, for as long as that version is kept.

        Args:
            task_id: The task's.
            etag: The version that `form` was made of; when another or none is kept, so is nothing.
            form: Whatever saves making it again.
            size: How many bytes that takes.
        """
        entry = self._recall(task_id)
        if entry is None or entry.blob.etag != etag or entry.form is not None:
            return
        if entry.size + size > self._limit // _MAX_SHARE:
            return
        entry.form = form
        entry.size += size
        self._used += size
        self._shrink()

    async def read(self, task_id: str) -> StoredResult | None:
        """What is stored of a task; None when nothing is.

        Raises:
            AzureError: The storage did not answer, or refuses.
        """
        known = self.known(task_id)
        if known is not None:
            return known
        task = self._under_way.get(task_id)
        if task is None:
            task = asyncio.create_task(self._load(task_id))
            self._under_way[task_id] = task
            task.add_done_callback(lambda done: self._end(task_id, done))
        return await asyncio.shield(task)  # who gives up does not end it for others

    def close(self) -> None:
        """Forget everything and close idle connections."""
        self._kept.clear()
        self._used = 0
        self._blobs.close()

    async def _load(self, task_id: str) -> StoredResult | None:
        blob = await self._blobs.read(self._key_of(task_id))
        if blob is None:
            return None
        meta = self._decode(blob.content)
        if meta["status"] in states.READY_STATES:
            seconds = _KEPT_SECONDS if meta["status"] == states.SUCCESS else _FRESH_SECONDS
            size = len(blob.content) + _ENTRY_BYTES
            self._keep(task_id, _Entry(blob, self._clock() + seconds, size))
        return StoredResult(meta, blob.etag)

    def _end(self, task_id: str, done: asyncio.Task[StoredResult | None]) -> None:
        del self._under_way[task_id]
        if not done.cancelled():
            done.exception()  # perhaps nobody waits for it any more

    def _recall(self, task_id: str) -> _Entry | None:
        entry = self._kept.get(task_id)
        if entry is None:
            return None
        if entry.valid_until < self._clock():
            self._drop(task_id)
            return None
        self._kept.move_to_end(task_id)
        return entry

    def _keep(self, task_id: str, entry: _Entry) -> None:
        self._drop(task_id)
        if entry.size > self._limit // _MAX_SHARE:
            return
        self._kept[task_id] = entry
        self._used += entry.size
        self._shrink()

    def _shrink(self) -> None:
        while self._used > self._limit:
            self._drop(next(iter(self._kept)))

    def _drop(self, task_id: str) -> None:
        entry = self._kept.pop(task_id, None)
        if entry is not None:
            self._used -= entry.size
