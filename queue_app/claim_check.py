"""Claim-check: a payload too long for a message waits in Blob Storage, the message says where.

The blob `claims/<task id>.json` holds the bytes that the client sent. It is written before the
message is sent, and removed when the task has ended.
Source: https://learn.microsoft.com/azure/architecture/patterns/claim-check
"""

from azure.core.exceptions import AzureError

from celery_azure.blobs import BlobContainer, Patience
from celery_azure.envelope import MAX_BODY_BYTES
from queue_app.errors import NotAClaim, StorageUnavailable
from queue_app.jobs import is_task_id
from queue_app.settings import Settings

MAX_INLINE_BYTES = MAX_BODY_BYTES - 1024
"""The longest payload, as compact JSON, that travels in the message: beside it the task's body has
only names and Celery's empty options."""


_FOLDER, _ENDING = "claims/", ".json"


class ClaimStore:
    """Keeps payloads; blocking, safe to use from several threads."""

    def __init__(self, settings: Settings, patience: Patience) -> None:
        self._blobs = BlobContainer(settings.blob_account, settings.blob_container_name, patience)

    def close(self) -> None:
        """Close idle connections; the store can be used again."""
        self._blobs.close()

    def deposit(self, task_id: str, body: bytes) -> str:
        """Keep a payload and return the claim for it.

        Raises:
            StorageUnavailable: it could not be kept.
        """
        claim = f"{_FOLDER}{task_id}{_ENDING}"
        try:
            self._blobs.write(claim, body)
        except AzureError:
            raise StorageUnavailable("The storage did not take the payload.") from None
        return claim

    def redeem(self, claim: str) -> bytes | None:
        """Read a payload; None when it has been removed.

        Raises:
            StorageUnavailable: it could not be read.
            NotAClaim: it names something else.
        """
        _check(claim)
        try:
            blob = self._blobs.read(claim)
        except AzureError:
            raise StorageUnavailable("The storage did not give the payload.") from None
        return None if blob is None else blob.content

    def discard(self, claim: str) -> None:
        """Remove a payload, if it is there.

        Raises:
            StorageUnavailable: it could not be removed.
            NotAClaim: it names something else.
        """
        _check(claim)
        try:
            self._blobs.delete(claim)
        except AzureError:
            raise StorageUnavailable("The storage did not remove the payload.") from None


def _check(claim: str) -> None:
    """Who may send messages may not thereby read or remove whatever blob they name."""
    task_id = claim.removeprefix(_FOLDER).removesuffix(_ENDING)
    if claim != f"{_FOLDER}{task_id}{_ENDING}" or not is_task_id(task_id):
        raise NotAClaim(f"{claim[:80]!a} is not the name of a payload.")
