"""The Celery result backend on Blob Storage.

Set `result_backend = "celery_azure.results:BlobBackend"` and
`result_backend_transport_options = {"account": ..., "container": ..., "patience": ...}`: a
`BlobAccount` (or a connection string, or an account URL), a container's name (default `celery`),
and a `Patience` (default: a worker's).

The status of a task is the blob `celery-task-meta-<task id>`, JSON as Celery's own backends write
it. A blob that is not there is a task that is PENDING.
"""

from __future__ import annotations

from typing import Any

from celery import states
from celery.backends.base import KeyValueStoreBackend
from celery.exceptions import ImproperlyConfigured

from celery_azure.blobs import WORKER_PATIENCE, BlobContainer, ChangedMeanwhileError
from celery_azure.connection import BlobAccount, parse_blob_account


class BlobBackend(KeyValueStoreBackend):  # type: ignore[misc] # celery publishes no types
    """Stores results in blobs; a task that has ended is never shown as running again."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        wanted = self.app.conf.result_backend_transport_options
        account = wanted.get("account")
        if isinstance(account, str):
            account = parse_blob_account(account)
        if not isinstance(account, BlobAccount):
            raise ImproperlyConfigured("result_backend_transport_options has no 'account'")
        self._blobs = BlobContainer(
            account, wanted.get("container", "celery"), wanted.get("patience", WORKER_PATIENCE)
        )

    def read_meta(self, task_id: str) -> dict[str, Any] | None:
        """What is stored of a task, as plain JSON values; None when nothing is.

        Raises:
            AzureError: The storage did not answer, or refuses.
        """
        blob = self._blobs.read(_text(self.get_key_for_task(task_id)))
        return None if blob is None else self.decode(blob.content)

    def get(self, key: str | bytes) -> bytes | None:
        """Read a value."""
        blob = self._blobs.read(_text(key))
        return None if blob is None else blob.content

    def mget(self, keys: list[str | bytes]) -> list[bytes | None]:
        """Read several values."""
        return [self.get(key) for key in keys]

    def set(self, key: str | bytes, value: str | bytes) -> None:
        """Write a value."""
        self._blobs.write(_text(key), _bytes(value))

    def delete(self, key: str | bytes) -> None:
        """Remove a value."""
        self._blobs.delete(_text(key))

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

        A success stays, and no state that is not an end follows an end. The write is conditional
        on what was read, so that this holds for workers that write at the same time.
        """
        meta = self._get_result_meta(
            result=result, state=state, traceback=_encodable(traceback), request=request
        )
        meta["task_id"] = _text(task_id)
        content = _bytes(self.encode(meta))
        key = _text(self.get_key_for_task(task_id))
        while True:
            stored = self._blobs.read(key)
            if stored is not None and not _may_follow(state, self.decode(stored.content)["status"]):
                return result
            try:
                self._blobs.replace(key, content, stored)
            except ChangedMeanwhileError:
                continue
            return result


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
