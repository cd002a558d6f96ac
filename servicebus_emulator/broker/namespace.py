"""A namespace: the entities by their paths, and the next thing that happens in any of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.broker.agenda import Agenda
from servicebus_emulator.broker.entities import (
    DEAD_LETTER_SUFFIX,
    Limits,
    QueueDescription,
    check_name,
)
from servicebus_emulator.broker.errors import (
    ArgumentError,
    EntityAlreadyExists,
    EntityNotFound,
    QuotaExceeded,
)
from servicebus_emulator.broker.queue import Queue

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

_DEAD_LETTER_ENDING = f"/{DEAD_LETTER_SUFFIX}".casefold()
_FIXED = ("requires_duplicate_detection", "requires_session", "enable_partitioning")


class Namespace:
    """The entities of one Service Bus namespace; names differ by more than upper and lower case.

    Args:
        new_lock_token: Makes the name of a lock; never the same twice.
        limits: What the namespace allows.
        name: What it calls itself.
        now: When it was created, in seconds since the epoch.
    """

    def __init__(
        self,
        new_lock_token: Callable[[], UUID],
        *,
        limits: Limits | None = None,
        name: str = "sbemulatorns",
        now: float = 0.0,
    ) -> None:
        self.name = name
        self.created_at = now
        self.limits = limits or Limits()
        self._new_lock_token = new_lock_token
        self._agenda = Agenda()
        self._queues: dict[str, Queue] = {}

    def create_queue(
        self, name: str, description: QueueDescription | None = None, *, now: float
    ) -> Queue:
        """Create a queue with its dead-letter queue.

        Raises:
            EntityAlreadyExists: There is one of that name.
            ArgumentError: The name or a property breaks a rule.
            OperationNotSupported: A property asks for what this emulator cannot do yet.
            QuotaExceeded: The namespace has as many entities as it may.
        """
        description = description or QueueDescription()
        check_name(name)
        description.validate()
        key = name.casefold()
        if key in self._queues:
            raise EntityAlreadyExists(name)
        if self.limits.max_entities is not None and len(self._queues) >= self.limits.max_entities:
            raise QuotaExceeded(f"The namespace holds at most {self.limits.max_entities} entities.")
        queue = Queue(name, description, self.limits, self._agenda, self._new_lock_token, now)
        self._queues[key] = queue
        return queue

    def get_queue(self, name: str) -> Queue:
        """The queue of that name.

        Raises:
            EntityNotFound: There is none.
        """
        queue = self._queues.get(name.casefold())
        if queue is None:
            raise EntityNotFound(name)
        return queue

    def resolve(self, path: str) -> Queue:
        """The queue or sub-queue of that path, such as `orders/$DeadLetterQueue`.

        Raises:
            EntityNotFound: There is none.
        """
        queue = self._queues.get(path.casefold())
        if queue is not None:
            return queue
        if path.casefold().endswith(_DEAD_LETTER_ENDING):
            owner = self._queues.get(path[: -len(_DEAD_LETTER_ENDING)].casefold())
            if owner is not None and owner.dead_letter_queue is not None:
                return owner.dead_letter_queue
        raise EntityNotFound(path)

    def list_queues(self, skip: int = 0, top: int | None = None) -> list[Queue]:
        """Queues in the order of their names, from the `skip`-th on, at most `top`."""
        ordered = [self._queues[key] for key in sorted(self._queues)]
        return ordered[skip:] if top is None else ordered[skip : skip + top]

    def update_queue(self, name: str, description: QueueDescription, *, now: float) -> Queue:
        """Give a queue other properties.

        Raises:
            EntityNotFound: There is none of that name.
            ArgumentError: A property breaks a rule, or is fixed at creation.
            OperationNotSupported: A property asks for what this emulator cannot do yet.
        """
        queue = self.get_queue(name)
        for fixed in _FIXED:
            if getattr(description, fixed) != getattr(queue.description, fixed):
                raise ArgumentError(f"The property {fixed} cannot be changed after creation.")
        description.validate()
        queue.update(description, now)
        return queue

    def delete_queue(self, name: str) -> Queue:
        """Remove a queue and its messages; return it, for whoever has links to it.

        Raises:
            EntityNotFound: There is none of that name.
        """
        queue = self.get_queue(name)
        del self._queues[name.casefold()]
        self._agenda.forget(queue)
        if queue.dead_letter_queue is not None:
            self._agenda.forget(queue.dead_letter_queue)
        return queue

    def expire(self, now: float) -> None:
        """Let every queue do what has become due."""
        while (queue := self._agenda.deadlines.pop_due(now)) is not None:
            queue.expire(now)
            when = queue.next_deadline()
            if when is not None:
                self._agenda.remind(queue, when)

    def next_deadline(self) -> float | None:
        """When `expire` wants to be called, at the latest; None when nothing is pending."""
        return self._agenda.deadlines.next()

    def next_change(self) -> float | None:
        """When `expire` really has something to do: what to move a clock to.

        Dearer than to ask for `next_deadline`, which may be earlier.
        """
        return self._agenda.next_change()

    def take_ready(self) -> list[Queue]:
        """The queues in which messages became available to receivers since the last call."""
        return self._agenda.take_ready()
