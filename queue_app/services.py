"""Everything behind the API, in one hand."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from queue_app.blob_store import BlobStore, InMemoryBlobStore
from queue_app.dead_letters import DeadLetters, InMemoryDeadLetters
from queue_app.producer import InMemoryProducer, Producer
from queue_app.queue_counts import InMemoryQueueGauge, QueueGauge
from queue_app.watching import Changes


@dataclass(frozen=True, slots=True)
class Services:
    """What the API needs of the world: broker, storage, and the time.

    `now` gives seconds since 1970. Without `changes`, what is watched is only asked for.
    """

    producer: Producer
    blobs: BlobStore
    dead_letters: DeadLetters
    queue: QueueGauge
    now: Callable[[], float] = field(default=time.time)  # noqa: TID251 - handed to who needs it
    changes: Changes | None = None

    @classmethod
    def in_memory(
        cls,
        producer: Producer | None = None,
        blobs: BlobStore | None = None,
        now: Callable[[], float] = time.time,  # noqa: TID251 - handed to who needs it
    ) -> Self:
        """Doubles of everything, for tests of the API and of its clients."""
        producer = producer or InMemoryProducer(now)
        return cls(
            producer,
            blobs or InMemoryBlobStore(),
            InMemoryDeadLetters(producer),
            InMemoryQueueGauge(),
            now,
        )

    async def aclose(self) -> None:
        """Release everything; may be called twice."""
        await self.producer.aclose()
        await self.dead_letters.aclose()
        await self.queue.aclose()
        await self.blobs.aclose()
        if self.changes is not None:
            await self.changes.aclose()
