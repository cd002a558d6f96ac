"""A container of small blobs: whole reads, conditional whole writes, logs that grow, listings.

The container is made when the first write finds it missing, so that an account that may not make
containers can use one that exists. Errors are those of the Azure SDK (`azure.core.exceptions`);
its client is not used: it costs a worker more than the work of a small task
(docs/decisions/0006-blob-storage-without-the-sdk.md).
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

from celery.utils.log import get_logger

from celery_azure.storage import operations
from celery_azure.storage.account import storage_account
from celery_azure.storage.conversation import (
    NoAnswerError,
    Patience,
    Pause,
    converse,
    is_transient,
)
from celery_azure.storage.errors import ChangedMeanwhileError
from celery_azure.storage.operations import BINARY, JSON, Blob, ListedBlob, Page
from celery_azure.storage.sockets import ConnectionPool
from celery_azure.storage.streams import StreamPool
from celery_azure.tracing import requesting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from celery_azure.connection import BlobAccount
    from celery_azure.storage.conversation import Reply
    from celery_azure.storage.operations import Operation

__all__ = [
    "API_PATIENCE",
    "BINARY",
    "JSON",
    "WORKER_PATIENCE",
    "AsyncBlobContainer",
    "Blob",
    "BlobContainer",
    "ChangedMeanwhileError",
    "ListedBlob",
    "Page",
    "Patience",
]

logger = get_logger(__name__)

Result = TypeVar("Result")

_AT_ONCE = 8
"""How many requests `read_many` and `delete_many` have under way."""

WORKER_PATIENCE = Patience()
"""A result must not be lost because the storage is away for an hour."""

API_PATIENCE = Patience(connection_timeout=1.5, read_timeout=3.0, retries=0)
"""A client of the API is better served by an error than by waiting."""


class _OutageLog:
    """Says once that the storage is away, and once that it is back."""

    def __init__(self) -> None:
        self._is_away = False

    def note(self, pause: Pause) -> None:
        if not self._is_away:
            self._is_away = True
            logger.warning("Trying on: %s", pause.reason)

    def note_answer(self) -> None:
        if self._is_away:
            self._is_away = False
            logger.warning("Blob Storage can be reached again.")


class BlobContainer:
    """Blobs by name in one container; used by several threads, and after a fork.

    Every method raises `AzureError` when the storage does not answer in the time that patience
    gives, or refuses.

    Attributes:
        url: Where it is, without secrets.
    """

    def __init__(self, account: BlobAccount, name: str, patience: Patience) -> None:
        self.name = name
        self.url = f"{storage_account(account).url}/{name}"
        self._patience = patience
        self._pool = ConnectionPool(storage_account(account), patience)
        self._outages = _OutageLog()

    def read(self, name: str) -> Blob | None:
        """Read a blob; None when there is none."""
        return self._perform(operations.read(self.name, name))

    def read_many(self, names: Sequence[str]) -> list[Blob | None]:
        """Read blobs, several at a time; in the order of the names."""
        found: list[Blob | None] = []
        for start in range(0, len(names), _AT_ONCE):
            wanted = [operations.read(self.name, name) for name in names[start : start + _AT_ONCE]]
            found += self._perform_all(wanted)
        return found

    def read_part(self, name: str, start: int, length: int) -> bytes | None:
        """Read at most `length` bytes from `start` on; None when there is no such blob."""
        return self._perform(operations.read_part(self.name, name, start, length))

    def write(self, name: str, content: bytes, content_type: str = BINARY) -> str:
        """Write a blob, whatever was there; its new ETag."""
        return self._perform(operations.write(self.name, name, content, content_type))

    def replace(
        self, name: str, content: bytes, etag: str | None, content_type: str = BINARY
    ) -> str:
        """Write a blob if it still is of that version (None: if there is none); its new ETag.

        Raises:
            ChangedMeanwhileError: It is not; nothing was written. After a lost answer it can be
                what this call has written: read it to know.
        """
        operation = operations.write(
            self.name, name, content, content_type, if_match=etag, if_absent=etag is None
        )
        return self._perform(operation)

    def delete(self, name: str) -> None:
        """Remove a blob, if it is there."""
        self._perform(operations.delete(self.name, name))

    def delete_many(self, blobs: Sequence[ListedBlob]) -> int:
        """Remove blobs that are still as they were listed, several at a time; how many went."""
        removed = 0
        for start in range(0, len(blobs), _AT_ONCE):
            some = blobs[start : start + _AT_ONCE]
            wanted = [operations.delete(self.name, b.name, if_match=b.etag) for b in some]
            removed += sum(self._perform_all(wanted))
        return removed

    def create_log(self, name: str) -> None:
        """Create an empty append blob.

        Raises:
            ChangedMeanwhileError: There is a blob of that name.
        """
        self._perform(operations.create_log(self.name, name))

    def append(self, name: str, content: bytes, at: int) -> int | None:
        """Append to an append blob of `at` bytes; its new length, None when there is no blob.

        Raises:
            ChangedMeanwhileError: It has another length, perhaps after a lost answer.
        """
        return self._perform(operations.append(self.name, name, content, at))

    def add(self, name: str, content: bytes) -> bool:
        """Append to an append blob, wherever it ends; False when there is no blob."""
        return self._perform(operations.add(self.name, name, content))

    def size(self, name: str) -> int | None:
        """The length of a blob in bytes; None when there is none."""
        return self._perform(operations.size(self.name, name))

    def pages(self, prefix: str, limit: int = 1000) -> Iterator[Page]:
        """List the blobs whose names begin with `prefix`, at most `limit` of them a page."""
        marker: str | None = None
        while True:
            page = self._perform(operations.list_page(self.name, prefix, marker, limit))
            yield page
            marker = page.marker
            if marker is None:
                return

    def close(self) -> None:
        """Close idle connections; the container can be used again."""
        self._pool.close()

    def _perform(self, operation: Operation[Result]) -> Result:
        with requesting(operation.request.method, operation.request.path):
            return self._converse(operation)

    def _converse(self, operation: Operation[Result]) -> Result:
        conversation = converse(operation, self._patience)
        reply: Reply = None
        try:
            while True:
                step = conversation.send(reply)
                if isinstance(step, Pause):
                    self._outages.note(step)
                    threading.Event().wait(step.seconds)
                    reply = None
                    continue
                try:
                    reply = self._pool.exchange(step)
                except NoAnswerError as error:
                    reply = error
        except StopIteration as end:
            self._outages.note_answer()
            result: Result = end.value
            return result

    def _perform_all(self, wanted: Sequence[Operation[Result]]) -> list[Result]:
        """Perform operations at the same time; one that fails is performed again, with patience."""
        if len(wanted) == 1:
            return [self._perform(wanted[0])]
        answers = self._pool.exchange_all([operation.request for operation in wanted])
        return [
            operation.understand(answer)
            if answer is not None and not is_transient(answer)
            else self._perform(operation)
            for operation, answer in zip(wanted, answers, strict=True)
        ]


class AsyncBlobContainer:
    """Blobs by name in one container, for tasks of an event loop; no thread waits.

    Every method raises `AzureError` when the storage does not answer in the time that patience
    gives, or refuses.
    """

    def __init__(self, account: BlobAccount, name: str, patience: Patience) -> None:
        self.name = name
        self._account = storage_account(account)
        self._patience = patience
        self._pool: StreamPool | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def read(self, name: str) -> Blob | None:
        """Read a blob; None when there is none."""
        return await self._perform(operations.read(self.name, name))

    async def read_part(self, name: str, start: int, length: int) -> bytes | None:
        """Read at most `length` bytes from `start` on; None when there is no such blob."""
        return await self._perform(operations.read_part(self.name, name, start, length))

    async def write(self, name: str, content: bytes, content_type: str = BINARY) -> str:
        """Write a blob, whatever was there; its new ETag."""
        return await self._perform(operations.write(self.name, name, content, content_type))

    async def replace(
        self, name: str, content: bytes, etag: str | None, content_type: str = BINARY
    ) -> str:
        """Write a blob if it still is of that version (None: if there is none); its new ETag.

        Raises:
            ChangedMeanwhileError: It is not; nothing was written. After a lost answer it can be
                what this call has written: read it to know.
        """
        operation = operations.write(
            self.name, name, content, content_type, if_match=etag, if_absent=etag is None
        )
        return await self._perform(operation)

    async def delete(self, name: str) -> None:
        """Remove a blob, if it is there."""
        await self._perform(operations.delete(self.name, name))

    async def page(self, prefix: str, marker: str | None = None, limit: int = 1000) -> Page:
        """List at most `limit` of the blobs whose names begin with `prefix`."""
        return await self._perform(operations.list_page(self.name, prefix, marker, limit))

    def close(self) -> None:
        """Close idle connections; the container can be used again."""
        if self._pool is not None:
            self._pool.close()
            self._pool = None

    async def _perform(self, operation: Operation[Result]) -> Result:
        with requesting(operation.request.method, operation.request.path):
            return await self._converse(operation)

    async def _converse(self, operation: Operation[Result]) -> Result:
        conversation = converse(operation, self._patience)
        pool = self._open()
        reply: Reply = None
        try:
            while True:
                step = conversation.send(reply)
                if isinstance(step, Pause):
                    await asyncio.sleep(step.seconds)
                    reply = None
                    continue
                try:
                    reply = await pool.exchange(step)
                except NoAnswerError as error:
                    reply = error
        except StopIteration as end:
            result: Result = end.value
            return result

    def _open(self) -> StreamPool:
        """The pool of this event loop: connections cannot change theirs."""
        loop = asyncio.get_running_loop()
        if self._pool is None or self._loop is not loop:
            self._loop = loop
            self._pool = StreamPool(self._account, self._patience)
        return self._pool
