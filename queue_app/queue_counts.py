"""How many messages wait: the seam between the API and the broker's administration."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """Messages in the queue: to be received now, scheduled for later, and given up."""

    active: int
    scheduled: int
    dead_letter: int


class QueueGauge(Protocol):
    """Counts messages; never raises and never takes long."""

    async def counts(self) -> QueueCounts | None:
        """The counts of a few seconds ago at most; None where they are not known.

        They need the right to manage the queue, which not every identity has.
        """

    async def aclose(self) -> None:
        """Release connections; may be called twice."""


class InMemoryQueueGauge:
    """A gauge without a broker, for tests."""

    def __init__(self, counts: QueueCounts | None = None) -> None:
        self.known = counts

    async def counts(self) -> QueueCounts | None:
        """Return what the test says."""
        return self.known

    async def aclose(self) -> None:
        """Nothing to release."""
