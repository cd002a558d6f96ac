"""Everything behind the API, in one hand."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from queue_app.blob_store import BlobStore, InMemoryBlobStore
from queue_app.producer import InMemoryProducer, Producer


@dataclass(frozen=True, slots=True)
class Services:
    """What the API needs of the world: broker, storage, and the time.

    `now` gives seconds since 1970.
    """

    producer: Producer
    blobs: BlobStore
    now: Callable[[], float] = field(default=time.time)  # noqa: TID251 - handed to who needs it

    @classmethod
    def in_memory(cls, producer: Producer | None = None) -> Self:
        """Doubles of everything, for tests of the API and of its clients."""
        return cls(producer or InMemoryProducer(), InMemoryBlobStore())

    async def aclose(self) -> None:
        """Release everything; may be called twice."""
        await self.producer.aclose()
        await self.blobs.aclose()
