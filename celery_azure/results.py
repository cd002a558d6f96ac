"""The Celery result backend on Blob Storage.

Set `result_backend = "celery_azure.results:BlobBackend"` and `result_backend_transport_options`:

`account`
    A `BlobAccount`, as `celery_azure.connection.parse_blob_account` reads it; or its text, a
    connection string or an account's URL, whose key `celery report` would show.
`container`
    Its name; default `celery`.
`started_after`
    STARTED is stored for tasks that run for longer than this, in seconds; default 0.1.
    With 0 it is stored for each, before it begins.
`tell_changes`
    Whether those who listen hear which states are written (`changes.py`); default: no.
`also_expire`
    What else the sweeper removes: for beginnings of blobs' names, ages in seconds.
`patience`
    A `Patience`; default: a worker's, who tries for a day.

The status of a task is the blob `celery-task-meta-<task id>`, JSON as Celery's own backends write
it. A blob that is not there is a task that is PENDING.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from contextvars import copy_context
from functools import partial
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, ResourceNotFoundError
from celery import states
from celery.backends.base import KeyValueStoreBackend
from celery.exceptions import ImproperlyConfigured
from celery.utils.log import get_logger

from celery_azure.blobs import (
    JSON,
    WORKER_PATIENCE,
    AsyncBlobContainer,
    BlobContainer,
    ChangedMeanwhileError,
    Patience,
)
from celery_azure.changes import CHANGES_PREFIX, KEPT_SECONDS, ChangeTeller, ChangeWriter
from celery_azure.connection import BlobAccount, parse_blob_account
from celery_azure.log_writer import LOG_PREFIX
from celery_azure.postponed import PostponedCalls
from celery_azure.result_reader import ResultReader
from celery_azure.sweep import Swept, sweep

logger = get_logger(__name__)

STARTED_AFTER_SECONDS = 0.1

_STARTED_PATIENCE = Patience(connection_timeout=2.0, read_timeout=5.0, retries=0)
"""STARTED only informs: the next task's must not wait for one that cannot be written."""

_LONGEST_PAUSE = 60.0
"""Seconds between two tries while the storage refuses: a person has to do something about it."""

_MAX_KNOWN_VERSIONS = 10_000


class BlobBackend(KeyValueStoreBackend):  # type: ignore[misc] # celery publishes no types
    """Stores results in blobs; a task that has ended is never shown as running again.

    Every write of a state is conditional: on the version that this process has written or read
    last, else on the absence of the blob. Only when that fails is the blob read, and the state
    written if it may follow what is stored. So a short task costs one write and no read.
    """

    supports_native_join = True

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.thread_safe = True  # one for all threads of an app, and so one pool of connections
        wanted = self.app.conf.result_backend_transport_options
        account = wanted.get("account")
        if isinstance(account, str):
            account = parse_blob_account(account)
            # Whoever shows the settings (`celery inspect conf`) must not show a key.
            self.app.conf.result_backend_transport_options = {**wanted, "account": account}
        if not isinstance(account, BlobAccount):
            raise ImproperlyConfigured("result_backend_transport_options has no 'account'")
        container = wanted.get("container", "celery")
        self._patience: Patience = wanted.get("patience", WORKER_PATIENCE)
        self._account = account
        self._blobs = BlobContainer(account, container, self._patience)
        self._started_blobs = BlobContainer(account, container, _STARTED_PATIENCE)
        self._also_expire: dict[str, float] = wanted.get("also_expire", {})
        self._started_after = float(wanted.get("started_after", STARTED_AFTER_SECONDS))
        self._postponed = PostponedCalls("task states", self._started_after)
        self._teller: ChangeTeller | None = None
        if wanted.get("tell_changes", False):
            self._teller = ChangeTeller(partial(ChangeWriter, self._started_blobs))
        self._running = threading.local()
        self._versions: OrderedDict[str, str] = OrderedDict()  # ETags, of what may be replaced

    def reader(self, patience: Patience) -> ResultReader:
        """Make what an event loop reads results with."""
        blobs = AsyncBlobContainer(self._account, self._blobs.name, patience)
        return ResultReader(blobs, self._key, self.decode)

    def as_uri(self, include_password: bool = False) -> str:
        """Where results are, for a worker's banner; there is no password in it."""
        del include_password
        return self._blobs.url

    def close(self) -> None:
        """Close idle connections; the backend can be used again."""
        self._blobs.close()
        self._started_blobs.close()

    def read_meta(self, task_id: str) -> dict[str, Any] | None:
        """What is stored of a task, as plain JSON values; None when nothing is.

        Raises:
            AzureError: The storage did not answer, or refuses.
        """
        key = self._key(task_id)
        blob = self._blobs.read(key)
        if blob is None:
            return None
        meta: dict[str, Any] = self.decode(blob.content)
        if meta["status"] not in states.READY_STATES:
            self._remember(key, blob.etag)
        return meta

    def get(self, key: str | bytes) -> bytes | None:
        """Read a value."""
        blob = self._blobs.read(_text(key))
        return None if blob is None else blob.content

    def mget(self, keys: list[str | bytes]) -> list[bytes | None]:
        """Read several values, at the same time."""
        found = self._blobs.read_many([_text(key) for key in keys])
        return [None if blob is None else blob.content for blob in found]

    def set(self, key: str | bytes, value: str | bytes) -> None:
        """Write a value."""
        self._blobs.write(_text(key), _bytes(value), JSON)

    def delete(self, key: str | bytes) -> None:
        """Remove a value."""
        self._versions.pop(_text(key), None)
        self._blobs.delete(_text(key))

    def cleanup(self) -> Swept | None:
        """Remove what has expired, as `result_expires` says; None when that is not set.

        Called by `celery beat` once a day, by `python -m celery_azure.sweep`, or by anybody else.

        Raises:
            AzureError: The storage did not answer, or refuses.
        """
        if not self.expires:
            return None
        prefixes = (self.task_keyprefix, self.group_keyprefix, self.chord_keyprefix, LOG_PREFIX)
        ages = {_text(prefix): float(self.expires) for prefix in prefixes}
        ages[CHANGES_PREFIX] = KEPT_SECONDS
        swept = sweep(self._blobs, ages | self._also_expire, self.app.now().timestamp())
        logger.info("%d of %d blobs have expired and are removed.", swept.removed, swept.seen)
        return swept

    def process_cleanup(self) -> None:
        """Forget that a task has begun; called when it has ended, in whatever way."""
        key = getattr(self._running, "key", None)
        if key is not None:
            self._postponed.drop(key)

    def _store_result(
        self,
        task_id: str,
        result: Any,
        state: str,
        traceback: str | None = None,
        request: Any = None,
        **_: Any,
    ) -> Any:
        """Write a state, unless what is stored already must not be replaced by it.

        A success stays, and no state that is not an end follows an end.
        """
        meta = self._get_result_meta(
            result=result, state=state, traceback=_encodable(traceback), request=request
        )
        meta["task_id"] = _text(task_id)
        content = _bytes(self.encode(meta))
        key = self._key(task_id)
        if state == states.STARTED and self._started_after > 0:
            self._running.key = key
            call = partial(copy_context().run, self._write_started, task_id, content)
            self._postponed.add(key, call)  # in the trace of the task
            return result
        self._postponed.drop(key)
        if state in states.READY_STATES:
            self._store_end(task_id, content, state)
        else:
            self._advance(self._blobs, task_id, content, state)
        return result

    def _store_end(self, task_id: str, content: bytes, state: str) -> None:
        """Write an end, whatever time that takes: Celery acknowledges also what it cannot store.

        An outage is waited for by the container. A key that was replaced, or a right or the
        container that is missing, is mended by people, and held out for as long.
        """
        retries, left = 0, self._patience.retries * self._patience.longest_wait
        while True:
            try:
                self._advance(self._blobs, task_id, content, state)
            except (ClientAuthenticationError, ResourceNotFoundError) as error:
                if left <= 0:
                    raise
                if retries == 0:
                    logger.warning("The end of a task cannot be stored, trying on: %s", error)
                pause = min(self._patience.first_wait * 2.0 ** min(retries, 30), _LONGEST_PAUSE)
                threading.Event().wait(pause)
                retries, left = retries + 1, left - pause
            else:
                return

    def _write_started(self, task_id: str, content: bytes) -> None:
        try:
            self._advance(self._started_blobs, task_id, content, states.STARTED)
        except AzureError as error:
            logger.info("That a task has started could not be stored: %s", error)

    def _advance(self, blobs: BlobContainer, task_id: str, content: bytes, state: str) -> None:
        """Write a state over what is known to be there; look only when that is not so."""
        key = self._key(task_id)
        seen = self._versions.get(key)
        while True:
            try:
                written = blobs.replace(key, content, seen, JSON)
            except ChangedMeanwhileError:
                stored = blobs.read(key)
            else:
                break
            if stored is None:
                seen = None
                continue
            if stored.content == content:  # written before, and the answer was lost
                written = stored.etag
                break
            if not _may_follow(state, self.decode(stored.content)["status"]):
                self._versions.pop(key, None)
                return
            seen = stored.etag
        if state in states.READY_STATES:
            self._versions.pop(key, None)
        else:
            self._remember(key, written)
        if self._teller is not None:
            self._teller.tell(task_id)

    def _remember(self, key: str, etag: str) -> None:
        self._versions[key] = etag
        while len(self._versions) > _MAX_KNOWN_VERSIONS:
            self._versions.popitem(last=False)

    def _key(self, task_id: str) -> str:
        return _text(self.get_key_for_task(task_id))


def _may_follow(new: str, old: str) -> bool:
    """Whether state `new` may be written over state `old`."""
    return old != states.SUCCESS and (new in states.READY_STATES or old not in states.READY_STATES)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _encodable(traceback: str | None) -> str | None:
    """A traceback may quote text that UTF-8 cannot carry."""
    return None if traceback is None else traceback.encode("utf-8", "backslashreplace").decode()
