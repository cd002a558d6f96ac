"""A container of small blobs: whole reads, conditional whole writes, and patience or haste.

The container is made when the first write finds it missing, so that an account that may not make
containers can use one that exists.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.storage.blob import LinearRetry
from celery.utils.log import get_logger

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

    from celery_azure.connection import BlobAccount

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an operation may take before it fails.

    Attributes:
        connection_timeout: Seconds to connect.
        read_timeout: Seconds of silence in an answer.
        retries: How often to try again, a second apart, while the storage is out of reach.
    """

    connection_timeout: float = 5.0
    read_timeout: float = 60.0
    retries: int = 86_400


WORKER_PATIENCE = Patience()
"""A result must not be lost because the storage is away for an hour."""

API_PATIENCE = Patience(connection_timeout=1.5, read_timeout=3.0, retries=0)
"""A client of the API is better served by an error than by waiting."""


class ChangedMeanwhileError(Exception):
    """A conditional write found another blob than the one that was read."""


@dataclass(frozen=True, slots=True)
class Blob:
    """The content of a blob, and which version of it this is."""

    content: bytes
    etag: str


class BlobContainer:
    """Blobs by name in one container; used by several threads, and after a fork."""

    def __init__(self, account: BlobAccount, name: str, patience: Patience) -> None:
        self.name = name
        self._account = account
        self._patience = patience
        self._client: ContainerClient | None = None
        self._pid = 0
        self._is_away = False

    def read(self, name: str) -> Blob | None:
        """Read a blob; None when there is none.

        Raises:
            AzureError: The storage did not answer, or refuses.
        """
        try:
            download = self._open().download_blob(name, retry_hook=self._note_retry)
            return Blob(download.readall(), str(download.properties.etag))
        except ResourceNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """Write a blob, whatever was there.

        Raises:
            AzureError: The storage did not answer, or refuses.
        """
        self._upload(name, content, overwrite=True)

    def replace(self, name: str, content: bytes, seen: Blob | None) -> None:
        """Write a blob if it is still what was read (None: if there still is none).

        Raises:
            ChangedMeanwhileError: It is not; nothing was written.
            AzureError: The storage did not answer, or refuses.
        """
        condition: dict[str, Any] = {"overwrite": False}
        if seen is not None:
            condition = {
                "overwrite": True,
                "etag": seen.etag,
                "match_condition": MatchConditions.IfNotModified,
            }
        try:
            self._upload(name, content, **condition)
        except (ResourceExistsError, ResourceModifiedError):
            raise ChangedMeanwhileError(name) from None

    def delete(self, name: str) -> None:
        """Remove a blob, if it is there.

        Raises:
            AzureError: The storage did not answer, or refuses.
        """
        with contextlib.suppress(ResourceNotFoundError):
            self._open().delete_blob(name, retry_hook=self._note_retry)

    def _upload(self, name: str, content: bytes, **condition: Any) -> None:
        client = self._open()
        try:
            client.upload_blob(name, content, retry_hook=self._note_retry, **condition)
        except ResourceNotFoundError:  # no container: a blob that is missing is no obstacle
            self._create(client)
            client.upload_blob(name, content, retry_hook=self._note_retry, **condition)

    def _create(self, client: ContainerClient) -> None:
        try:
            client.create_container()
        except ResourceExistsError:
            pass
        except AzureError as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            logger.warning("The container %r cannot be made: %s", self.name, reason)

    def _open(self) -> ContainerClient:
        """The client of this process: sockets are not to be shared with a parent."""
        if self._client is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._client = self._account.client(
                connection_timeout=self._patience.connection_timeout,
                read_timeout=self._patience.read_timeout,
                retry_policy=LinearRetry(
                    backoff=1, retry_total=self._patience.retries, random_jitter_range=0
                ),
                raw_response_hook=self._note_answer,
            ).get_container_client(self.name)
        return self._client

    def _note_retry(self, **_: Any) -> None:
        if not self._is_away:
            self._is_away = True
            logger.warning("Blob Storage cannot be reached, trying on.")

    def _note_answer(self, _: Any) -> None:
        if self._is_away:
            self._is_away = False
            logger.warning("Blob Storage can be reached again.")
