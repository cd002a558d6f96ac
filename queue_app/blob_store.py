"""The seam between the API and Blob Storage: the protocol, and its double in memory."""

from dataclasses import dataclass
from typing import Protocol

from queue_app.errors import StorageUnavailable


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """The content of a blob, and which version of it this is."""

    content: bytes
    etag: str


class ConflictError(Exception):
    """A conditional write found another blob than the one that was read; nothing was written."""


class BlobStore(Protocol):
    """Small blobs by name; every call raises `StorageUnavailable` when the storage does not answer.

    `read_part` is for blobs that grow: task logs.
    """

    async def read(self, name: str) -> StoredBlob | None:
        """Read a blob; None when there is none."""

    async def read_part(self, name: str, start: int, length: int) -> bytes | None:
        """Read at most `length` bytes from `start` on; b"" behind the end, None without a blob."""

    async def replace(self, name: str, content: bytes, seen: StoredBlob | None) -> StoredBlob:
        """Write a blob if it is still what was read (None: if there still is none); the new one.

        Raises:
            ConflictError: it is not.
        """

    async def aclose(self) -> None:
        """Release connections; may be called twice."""


class InMemoryBlobStore:
    """A store without Azure, for tests; `blobs` holds the contents by name."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.is_down = False
        self._versions: dict[str, int] = {}

    async def read(self, name: str) -> StoredBlob | None:
        """Read a blob; None when there is none."""
        self._answer()
        content = self.blobs.get(name)
        return None if content is None else StoredBlob(content, self._etag(name))

    async def read_part(self, name: str, start: int, length: int) -> bytes | None:
        """Read a part of a blob; None when there is none."""
        self._answer()
        content = self.blobs.get(name)
        return None if content is None else content[start : start + length]

    async def replace(self, name: str, content: bytes, seen: StoredBlob | None) -> StoredBlob:
        """Write a blob if it is still what was read."""
        self._answer()
        found = self._etag(name) if name in self.blobs else None
        if found != (None if seen is None else seen.etag):
            raise ConflictError(name)
        self.put(name, content)
        return StoredBlob(content, self._etag(name))

    async def aclose(self) -> None:
        """Nothing to release."""

    def put(self, name: str, content: bytes) -> None:
        """Play another writer."""
        self.blobs[name] = content
        self._versions[name] = self._versions.get(name, 0) + 1

    def append(self, name: str, content: bytes) -> None:
        """Play a worker that writes its log."""
        self.put(name, self.blobs.get(name, b"") + content)

    def _etag(self, name: str) -> str:
        return f'"{self._versions.get(name, 0)}"'

    def _answer(self) -> None:
        if self.is_down:
            raise StorageUnavailable("connection refused")
