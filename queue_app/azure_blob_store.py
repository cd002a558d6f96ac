"""The blob store on Azure: the container of results, read and written without blocking the loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from azure.core.exceptions import AzureError

from celery_azure.blobs import API_PATIENCE, Blob, BlobContainer, ChangedMeanwhileError
from queue_app.blob_store import ConflictError, StoredBlob
from queue_app.errors import StorageUnavailable
from queue_app.settings import Settings

_THREADS = 8
_ANSWER_SECONDS = 4.5

_Result = TypeVar("_Result")


class AzureBlobStore:
    """Blobs of the container that the settings name; connects when it is first used."""

    def __init__(self, settings: Settings) -> None:
        self._blobs = BlobContainer(
            settings.blob_account, settings.blob_container_name, API_PATIENCE
        )
        self._threads = ThreadPoolExecutor(_THREADS, "blobs")

    async def read(self, name: str) -> StoredBlob | None:
        """Read a blob; None when there is none."""
        blob = await self._run(self._blobs.read, name)
        return None if blob is None else StoredBlob(blob.content, blob.etag)

    async def read_part(self, name: str, start: int, length: int) -> bytes | None:
        """Read a part of a blob; None when there is none."""
        blob = await self.read(name)
        return None if blob is None else blob.content[start : start + length]

    async def replace(self, name: str, content: bytes, seen: StoredBlob | None) -> StoredBlob:
        """Write a blob if it is still what was read."""
        expected = None if seen is None else Blob(seen.content, seen.etag)
        try:
            await self._run(self._blobs.replace, name, content, expected)
        except ChangedMeanwhileError:
            raise ConflictError(name) from None
        written = await self.read(name)
        if written is None or written.content != content:
            raise ConflictError(name)
        return written

    async def aclose(self) -> None:
        """Release threads; may be called twice."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run(self, call: Callable[..., _Result], *arguments: Any) -> _Result:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await loop.run_in_executor(self._threads, call, *arguments)
        except TimeoutError:
            raise StorageUnavailable("The storage did not answer in time.") from None
        except AzureError:
            raise StorageUnavailable("The storage does not answer.") from None
