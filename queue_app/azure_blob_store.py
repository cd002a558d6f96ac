"""The blob store on Azure: the container of results, read and written on the event loop."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from azure.core.exceptions import AzureError

from celery_azure.blobs import API_PATIENCE, AsyncBlobContainer, ChangedMeanwhileError
from queue_app.blob_store import ConflictError, StoredBlob
from queue_app.errors import StorageUnavailable
from queue_app.settings import Settings

_ANSWER_SECONDS = 4.5

_Result = TypeVar("_Result")


class AzureBlobStore:
    """Blobs of the container that the settings name; connects when it is first used."""

    def __init__(self, settings: Settings) -> None:
        self._blobs = AsyncBlobContainer(
            settings.blob_account, settings.blob_container_name, API_PATIENCE
        )

    async def read(self, name: str) -> StoredBlob | None:
        """Read a blob; None when there is none."""
        blob = await in_time(self._blobs.read(name))
        return None if blob is None else StoredBlob(blob.content, blob.etag)

    async def read_part(self, name: str, start: int, length: int) -> bytes | None:
        """Read a part of a blob; None when there is none."""
        return await in_time(self._blobs.read_part(name, start, length))

    async def replace(self, name: str, content: bytes, seen: StoredBlob | None) -> StoredBlob:
        """Write a blob if it is still what was read."""
        expected = None if seen is None else seen.etag
        try:
            etag = await in_time(self._blobs.replace(name, content, expected))
        except ChangedMeanwhileError:
            raise ConflictError(name) from None
        return StoredBlob(content, etag)

    async def aclose(self) -> None:
        """Close connections; may be called twice."""
        self._blobs.close()


async def in_time(operation: Coroutine[Any, Any, _Result]) -> _Result:
    """Let an operation take as long as an answer may.

    Raises:
        StorageUnavailable: it did not come to an end, or the storage does not answer.
    """
    try:
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await operation
    except TimeoutError:
        raise StorageUnavailable("The storage did not answer in time.") from None
    except AzureError:
        raise StorageUnavailable("The storage does not answer.") from None
