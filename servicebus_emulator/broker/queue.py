"""A queue: messages, and where they go when nobody takes them or others shall have them.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-dead-letter-queues and
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-auto-forwarding
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.broker.entities import (
    DEAD_LETTER_SUFFIX,
    TRANSFER_SUFFIX,
    QueueCounts,
    entity_path,
)
from servicebus_emulator.broker.errors import (
    ArgumentError,
    BrokerError,
    OperationNotAllowed,
)
from servicebus_emulator.broker.message import Message, MessageState
from servicebus_emulator.broker.outlet import Outlet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from servicebus_emulator.broker.entities import EntityDescription, OutletDescription
    from servicebus_emulator.broker.intake import Intake
    from servicebus_emulator.broker.surroundings import Surroundings

MOST_HOPS = 4
TRANSFER_FAILED = "TransferFailed"
HOPS_EXCEEDED = "MaxTransferHopCountExceeded"


class Queue(Outlet):
    """A queue, the like of it that a subscription is, or a sub-queue that comes with one.

    Args:
        path: As it was created, upper and lower case kept.
        description: Its properties; a sub-queue has those of its owner.
        surroundings: What it shares with the other entities.
        now: When it was created.
        owner: The queue whose sub-queue this is.

    Attributes:
        dead_letter_queue: Where this queue's dead letters go; None for a sub-queue.
        transfer_dead_letter_queue: Where messages go that could not be forwarded; as above.
    """

    def __init__(
        self,
        path: str,
        description: OutletDescription,
        surroundings: Surroundings,
        now: float,
        owner: Queue | None = None,
    ) -> None:
        super().__init__(
            path,
            description,
            surroundings,
            now,
            has_sessions=owner is None and description.requires_session,
            is_final=owner is not None,
        )
        self._owner = owner
        self.dead_letter_queue: Queue | None = None
        self.transfer_dead_letter_queue: Queue | None = None
        if owner is None:
            dead, failed = (f"{path}/{end}" for end in (DEAD_LETTER_SUFFIX, TRANSFER_SUFFIX))
            self.dead_letter_queue = Queue(dead, description, surroundings, now, self)
            self.transfer_dead_letter_queue = Queue(failed, description, surroundings, now, self)

    def __repr__(self) -> str:
        return f"<Queue {self.path!r} with {len(self)} messages>"

    @property
    def place(self) -> tuple[Intake, int]:
        """Whose part this is, and which: a sub-queue is its owner's."""
        if self._owner is None:
            return self, 0
        return self._owner, 1 if self._owner.dead_letter_queue is self else 2

    @property
    def size_with_dead_letters(self) -> int:
        """The sum of the messages' sizes, dead letters included."""
        return self.size_in_bytes + sum(each.size_in_bytes for each in self.sub_queues())

    @property
    def is_held(self) -> bool:
        """Whether somebody has a link here."""
        return self._users > 0

    def sub_queues(self) -> Iterator[Queue]:
        """Those that come with this queue."""
        for each in (self.dead_letter_queue, self.transfer_dead_letter_queue):
            if each is not None:
                yield each

    def check_receiver(self, *, of_session: bool) -> None:
        """See whether a receiver of a session, or one of no session, fits the queue.

        Raises:
            OperationNotAllowed: It does not, or the queue forwards its messages.
        """
        super().check_receiver(of_session=of_session)
        if self._owner is None and self.description.forward_to is not None:
            raise OperationNotAllowed(
                "Cannot create a message receiver on an entity with auto-forwarding enabled: "
                f"'{self.path}' forwards to '{self.description.forward_to}'."
            )

    def clear(self) -> None:
        """Remove all messages, the dead-lettered as well; who has one locked has lost it."""
        super().clear()
        for each in self.sub_queues():
            each.clear()

    def admit_dead_letter(self, message: Message, now: float) -> None:
        """Take a message from the queue whose dead-letter queue this is.

        Its number, its times and its delivery count stay; nothing expires here.
        """
        message.state = MessageState.ACTIVE
        self._store.add(message)
        self._make_available(message, now)

    def counts(self, now: float) -> QueueCounts:
        """How many messages there are, by state; locked ones are active."""
        self.expire(now)
        grave, failed = self.dead_letter_queue, self.transfer_dead_letter_queue
        return QueueCounts(
            active=self._store.count(MessageState.ACTIVE),
            deferred=self._store.count(MessageState.DEFERRED),
            scheduled=self._store.count(MessageState.SCHEDULED),
            dead_letter=len(grave) if grave is not None else 0,
            size_in_bytes=self.size_with_dead_letters,
            transfer_dead_letter=len(failed) if failed is not None else 0,
        )

    def update(self, description: EntityDescription, now: float) -> None:
        """Take other properties; messages that are here keep what they have.

        When the queue is to forward from now on, those that are available go at once.
        """
        super().update(description, now)
        for each in self.sub_queues():
            each.update(description, now)
        if self._owner is None and self.description.forward_to is not None:
            waiting = [each for each in self._store if self._is_available(each.sequence_number)]
            for message in sorted(waiting, key=lambda each: each.sequence_number):
                self._divert(message, now)
        self._agenda.ready(self)  # receivers go on, or are told that they may not

    def hold(self) -> None:
        """Somebody has a link here; one to the dead-letter queue keeps its owner, too."""
        if self._owner is None:
            super().hold()
        else:
            self._owner.hold()

    def let_go(self, now: float) -> None:
        """A link has ended."""
        if self._owner is None:
            super().let_go(now)
        else:
            self._owner.let_go(now)

    def idle_at(self) -> float | None:
        """When the queue removes itself unless somebody uses it; None for never."""
        return None if self._owner is not None else super().idle_at()

    # -- inside ----------------------------------------------------------------------------------

    def _check_admission(self, messages: Sequence[Message]) -> None:
        if self._owner is not None:  # its numbers are those of its owner
            raise ArgumentError(
                f"Messages come into '{self.path}' by being dead-lettered; none can be sent to it."
            )
        super()._check_admission(messages)
        if self.sessions is not None and any(each.session_id is None for each in messages):
            raise OperationNotAllowed(
                f"The SessionId was not set on a message, and it cannot be sent to '{self.path}', "
                "which requires sessions."
            )

    def _divert(self, message: Message, now: float) -> bool:
        """Forward a message, if the queue does that."""
        target = self.description.forward_to
        if target is None or self._owner is not None:
            return False
        failure = self._transfer(message, target, now)
        if failure is not None and self.transfer_dead_letter_queue is not None:
            reason = HOPS_EXCEEDED if message.hops >= MOST_HOPS else TRANSFER_FAILED
            self._move(message, self.transfer_dead_letter_queue, now, reason, failure)
        else:
            self._remove(message)
        return True

    def _bury(
        self, message: Message, now: float, reason: str | None, description: str | None
    ) -> None:
        self._unlock(message)
        if reason is not None:
            message.dead_letter_reason = reason
        if description is not None:
            message.dead_letter_description = description
        if self.dead_letter_queue is None:  # a dead letter stays where it is
            self._store.set_state(message, MessageState.ACTIVE)
            self._make_available(message, now)
            return
        target = self.description.forward_dead_lettered_messages_to
        if target is not None and self._transfer(message, target, now) is None:
            self._remove(message)
        else:
            self._move(message, self.dead_letter_queue, now, None, None)

    def _transfer(self, message: Message, target: str, now: float) -> str | None:
        """Send a copy of a message to another entity; why that could not be, if so."""
        copy = message.copy()
        copy.hops = message.hops + 1
        if copy.dead_letter_reason is not None:
            copy.dead_letter_source = copy.dead_letter_source or self.path
        try:
            if copy.hops > MOST_HOPS:
                raise OperationNotAllowed(f"A message is forwarded at most {MOST_HOPS} times.")
            self._surroundings.find(entity_path(target)).take((copy,), now)
        except BrokerError as refusal:
            return str(refusal)
        return None

    def _move(
        self,
        message: Message,
        grave: Queue,
        now: float,
        reason: str | None,
        description: str | None,
    ) -> None:
        self._remove(message)
        message.dead_letter_source = self.path
        if reason is not None:
            message.dead_letter_reason, message.dead_letter_description = reason, description
        grave.admit_dead_letter(message, now)
