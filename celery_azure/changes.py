"""Hints that the states of tasks have changed, for who watches more tasks than it can ask in time.

Who wants them renews the blob `changes/wanted`. A worker looks at it every two seconds while it
writes states, and as long as it is renewed, appends the ids of the tasks whose states it has
written to the blob of the minute, `changes/<minute>`: many at a time, from a thread of its own.
Whoever listens reads what was appended.

A hint that is lost costs time and nothing else: who watches a task goes on asking for its state.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING, Protocol

from azure.core.exceptions import AzureError
from celery.utils.log import get_logger

from celery_azure.blobs import ChangedMeanwhileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from celery_azure.blobs import Blob

logger = get_logger(__name__)

CHANGES_PREFIX = "changes/"
WANTED = f"{CHANGES_PREFIX}wanted"
RENEW_SECONDS = 20.0
"""How often who listens says so."""

KEPT_SECONDS = 3600.0
"""After how long the sweeper removes what writers have left behind."""

_MINUTE = 60
_MARGIN_SECONDS = 5.0  # by how much the clocks of two machines may differ
_WANTED_SECONDS = 60.0
_LOOK_SECONDS = 2.0
_PAUSE_SECONDS = 0.05
_MAX_WAITING = 10_000


class ChangeBlobs(Protocol):
    """The container of the states, as `BlobContainer` is one."""

    def read(self, name: str) -> Blob | None:
        """Read a blob; None when there is none."""

    def create_log(self, name: str) -> None:
        """Create an empty append blob."""

    def add(self, name: str, content: bytes) -> bool:
        """Append to an append blob, wherever it ends; False when there is no blob."""

    def delete(self, name: str) -> None:
        """Remove a blob, if it is there."""


class ListenerBlobs(Protocol):
    """The same container for an event loop, as `AsyncBlobContainer` is one."""

    async def read_part(self, name: str, start: int, length: int) -> bytes | None:
        """Read at most `length` bytes from `start` on; None when there is no such blob."""

    async def write(self, name: str, content: bytes) -> str:
        """Write a blob, whatever was there; its new ETag."""

    def close(self) -> None:
        """Close idle connections."""


def _rest(seconds: float) -> None:
    threading.Event().wait(seconds)


def _journal(minute: int) -> str:
    return f"{CHANGES_PREFIX}{minute:010d}"


def _minute(now: float) -> int:
    return int(now // _MINUTE)


class ChangeWriter:
    """Appends ids while somebody wants them.

    Args:
        blobs: The container.
        now: Seconds, Unix time.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        blobs: ChangeBlobs,
        now: Callable[[], float] = time.time,  # noqa: TID251 - given to who needs it
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blobs = blobs
        self._now = now
        self._clock = clock
        self._is_wanted = False
        self._look_at = 0.0
        self._etag = ""
        self._wanted_until = 0.0

    @property
    def is_at_rest(self) -> bool:
        """Whether nobody wanted anything a moment ago, so that ids may be dropped unseen."""
        return not self._is_wanted and self._clock() < self._look_at

    def write(self, ids: Iterable[str]) -> None:
        """Tell that the states of these tasks have been written, if anybody wants to know."""
        now = self._clock()
        try:
            if now >= self._look_at:
                self._look(now)
            if self._is_wanted:
                self._append("".join(f"{task_id}\n" for task_id in ids).encode())
        except AzureError as error:
            self._is_wanted = False
            self._look_at = now + _LOOK_SECONDS
            logger.debug("That states have changed could not be told: %s", error)

    def _look(self, now: float) -> None:
        """See whether `changes/wanted` was renewed, by this process's own clock."""
        self._look_at = now + _LOOK_SECONDS
        found = self._blobs.read(WANTED)
        if found is not None and found.etag != self._etag:
            self._etag = found.etag
            self._wanted_until = now + _WANTED_SECONDS
        self._is_wanted = found is not None and now < self._wanted_until

    def _append(self, data: bytes) -> None:
        minute = _minute(self._now())
        name = _journal(minute)
        if self._blobs.add(name, data):
            return
        with contextlib.suppress(ChangedMeanwhileError):  # another process was quicker
            self._blobs.create_log(name)
        self._blobs.add(name, data)
        self._blobs.delete(_journal(minute - 2))  # nobody reads it any more


class ChangeTeller:
    """Takes ids from any thread, and writes them in one of its own.

    A child of this process has a thread of its own, and none of the ids.

    Args:
        make_writer: Makes what writes them.
        pause: Waits so many seconds between two writes: what comes meanwhile goes together.
    """

    def __init__(
        self, make_writer: Callable[[], ChangeWriter], pause: Callable[[float], object] = _rest
    ) -> None:
        self._make_writer = make_writer
        self._pause = pause
        self._thread: threading.Thread | None = None
        self._begin()

    def tell(self, task_id: str) -> None:
        """The state of a task was written; returns at once."""
        if self._pid != os.getpid():
            self._begin()
        if self._writer.is_at_rest:
            return
        with self._changed:
            if len(self._ids) >= _MAX_WAITING:
                return
            self._ids[task_id] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="changes", daemon=True)
                self._thread.start()
            else:
                self._changed.notify()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._writer = self._make_writer()
        self._changed = threading.Condition()
        self._ids: dict[str, None] = {}
        self._thread = None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._ids)
                ids, self._ids = self._ids, {}
            try:
                self._writer.write(ids)
            except Exception:
                logger.exception("Changes are not told")
            self._pause(_PAUSE_SECONDS)


class ChangeListener:
    """Hears which tasks have changed, for an event loop.

    Args:
        blobs: The container.
        now: Seconds, Unix time.
        clock: A monotonic clock, in seconds.
    """

    def __init__(
        self,
        blobs: ListenerBlobs,
        now: Callable[[], float] = time.time,  # noqa: TID251 - given to who needs it
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._blobs = blobs
        self._now = now
        self._clock = clock
        self._renew_at = 0.0
        self._positions: dict[str, int] = {}

    async def hear(self, part_bytes: int = 262_144) -> set[str]:
        """The ids of tasks whose states were written since the last call; older ones may be there.

        Raises:
            AzureError: The storage did not answer, or refuses.
        """
        if self._clock() >= self._renew_at:
            await self._blobs.write(WANTED, b"")
            self._renew_at = self._clock() + RENEW_SECONDS
        now = self._now()
        first, last = _minute(now - _MARGIN_SECONDS), _minute(now + _MARGIN_SECONDS)
        names = [_journal(minute) for minute in range(first, last + 1)]
        self._positions = {name: self._positions.get(name, 0) for name in names}
        heard: set[str] = set()
        for name in names:
            while data := await self._read(name, part_bytes):
                heard.update(data.decode(errors="replace").split("\n")[:-1])
        return heard

    def close(self) -> None:
        """Close idle connections."""
        self._blobs.close()

    async def _read(self, name: str, part_bytes: int) -> bytes:
        """What follows in a journal, up to the end of a line."""
        position = self._positions[name]
        data = await self._blobs.read_part(name, position, part_bytes) or b""
        whole = data[: data.rfind(b"\n") + 1]
        self._positions[name] = position + len(whole)
        return whole
