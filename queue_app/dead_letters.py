"""The seam between the API and the dead-letter queue: the protocol, and its double in memory."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from queue_app.errors import BrokerUnavailable
from queue_app.payload import encode_json
from queue_app.producer import Payload, Producer

MAX_PAGE = 250
"""The most dead letters that a page holds; the service gives no more at once."""

MAX_SETTLED = 1000
"""The most dead letters that one call requeues or deletes."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up.

    Attributes:
        sequence_number: its name in the dead-letter queue.
        task_id: the task that it carries; None when Celery did not write it.
        task: the name of the task; None when Celery did not write it.
        reason, description: why it was given up, as the broker or a worker said.
        enqueued_at: when it came into the queue, in seconds since 1970.
        delivery_count: how often it was delivered.
        message_bytes: the size of its body.
        payload: the job; None when it travels by claim, or cannot be read.
        claim: the blob that holds the job, when it travels by claim.
    """

    sequence_number: int
    task_id: str | None = None
    task: str | None = None
    reason: str | None = None
    description: str | None = None
    enqueued_at: float | None = None
    delivery_count: int = 0
    message_bytes: int = 0
    payload: Any = None
    claim: str | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What a call to requeue or delete has done.

    Attributes:
        done: the sequence numbers of those that are no longer in the dead-letter queue.
        missing: those that were asked for and not found.
        is_complete: False when there may be more of those that were asked for.
    """

    done: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    is_complete: bool = True


class DeadLetters(Protocol):
    """The dead-letter queue; every call raises `BrokerUnavailable` when the broker is away.

    A letter is requeued by sending it to the queue first and completing it here afterwards: a
    process that dies in between leaves it in both, and never in none.
    """

    async def page(self, after: int, limit: int) -> list[DeadLetter]:
        """Return the letters behind a sequence number (0 for the first), in their order."""

    async def find(self, sequence_number: int) -> DeadLetter | None:
        """Return one letter; None when it is not there."""

    async def requeue(self, numbers: Sequence[int] | None) -> Settled:
        """Send letters to the queue again, all of them for None; at most `MAX_SETTLED`.

        One that comes back meanwhile, since its job has failed again, is left there.
        """

    async def delete(self, numbers: Sequence[int] | None) -> Settled:
        """Remove letters for ever, all of them for None; at most `MAX_SETTLED`."""

    async def aclose(self) -> None:
        """Release connections; may be called twice."""


class InMemoryDeadLetters:
    """A dead-letter queue without a broker, for tests; `bury` plays a worker that gives up."""

    def __init__(self, producer: Producer) -> None:
        self.letters: dict[int, DeadLetter] = {}
        self.is_down = False
        self._producer = producer
        self._numbers = itertools.count(1)

    def bury(
        self, task_id: str, payload: Payload, reason: str = "Rejected", description: str = ""
    ) -> int:
        """Give a job up; the sequence number of its letter."""
        number = next(self._numbers)
        self.letters[number] = DeadLetter(
            number,
            task_id,
            reason=reason,
            description=description,
            delivery_count=1,
            message_bytes=len(payload.body),
            payload=payload.data,
        )
        return number

    async def page(self, after: int, limit: int) -> list[DeadLetter]:
        """Return the letters behind a sequence number."""
        self._answer()
        behind = [letter for number, letter in self.letters.items() if number > after]
        return [replace(letter, payload=None) for letter in behind[:limit]]

    async def find(self, sequence_number: int) -> DeadLetter | None:
        """Return one letter; None when it is not there."""
        self._answer()
        return self.letters.get(sequence_number)

    async def requeue(self, numbers: Sequence[int] | None) -> Settled:
        """Enqueue letters again, under the ids of their tasks."""
        settled = await self._take(numbers)
        for letter in settled[1]:
            payload = Payload(encode_json(letter.payload), letter.payload)
            await self._producer.enqueue(payload, task_id=letter.task_id)
        return settled[0]

    async def delete(self, numbers: Sequence[int] | None) -> Settled:
        """Remove letters for ever."""
        return (await self._take(numbers))[0]

    async def _take(self, numbers: Sequence[int] | None) -> tuple[Settled, list[DeadLetter]]:
        """Take letters out; what was done, and the letters."""
        self._answer()
        wanted = list(self.letters if numbers is None else dict.fromkeys(numbers))
        done = [number for number in wanted if number in self.letters][:MAX_SETTLED]
        missing = [number for number in wanted if number not in self.letters]
        taken = [self.letters.pop(number) for number in done]
        return Settled(done, missing, is_complete=not (numbers is None and self.letters)), taken

    async def aclose(self) -> None:
        """Nothing to release."""

    def _answer(self) -> None:
        if self.is_down:
            raise BrokerUnavailable("connection refused")
