"""What messages come into: admission, numbers, schedule and idleness, alike for queues and topics.

Every operation takes `now`, in seconds since the epoch, and first does what has become due by then.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import inf
from typing import TYPE_CHECKING, Final

from servicebus_emulator.broker.duplicates import History
from servicebus_emulator.broker.entities import FOREVER, IntakeDescription
from servicebus_emulator.broker.errors import (
    EntityDisabled,
    EntityNotFound,
    MessageNotFound,
    MessageTooLarge,
    QuotaExceeded,
)
from servicebus_emulator.broker.journal import JournaledStore
from servicebus_emulator.broker.message import Message, MessageState
from servicebus_emulator.broker.store import MessageStore
from servicebus_emulator.broker.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from servicebus_emulator.broker.entities import EntityDescription
    from servicebus_emulator.broker.limits import Limits
    from servicebus_emulator.broker.surroundings import Surroundings


NEVER: Final = -62_135_596_800.0
"""The beginning of the year 1, which clients take for no time at all."""


class Intake(ABC):
    """An entity of a namespace.

    Args:
        path: As it was created, upper and lower case kept.
        description: Its properties.
        surroundings: What it shares with the other entities.
        now: When it was created.

    Attributes:
        created_at, updated_at, accessed_at: Seconds since the epoch; `NEVER` before the first
            access.
        max_message_size: Bytes of the largest message that the entity takes.
    """

    def __init__(
        self, path: str, description: EntityDescription, surroundings: Surroundings, now: float
    ) -> None:
        self.path = path
        self.created_at = self.updated_at = self._began = now
        self.accessed_at = NEVER
        self._surroundings = surroundings
        self._agenda = surroundings.agenda
        self._throttle = surroundings.throttle
        self._describe(description)
        self._journal = surroundings.journal
        self._store = self._new_store()
        self._schedule: Timers[Message] = Timers()
        self._due = inf  # `expire` has nothing to do before
        self._last_sequence_number = 0
        self._users = 0
        self._history: History | None = None
        if isinstance(description, IntakeDescription) and description.requires_duplicate_detection:
            self._history = History()

    @property
    def max_batch_size(self) -> int:
        """Bytes of the largest batch that the entity takes."""
        return min(self.limits.max_batch_size, self.max_message_size)

    @property
    def place(self) -> tuple[Intake, int]:
        """Whose part this is, and which: 0 for an entity itself."""
        return self, 0

    @property
    def last_sequence_number(self) -> int:
        """The number of the message that came last; 0 before there was one."""
        return self._last_sequence_number

    @property
    def limits(self) -> Limits:
        """What the namespace allows."""
        return self._surroundings.limits

    # -- sending ---------------------------------------------------------------------------------

    def send(self, message: Message, now: float) -> None:
        """Enqueue a message, or schedule it if it says so.

        Raises:
            EntityDisabled, MessageTooLarge, QuotaExceeded, ServerBusy: The message was not taken.
        """
        self.send_batch((message,), now)

    def send_batch(self, messages: Sequence[Message], now: float) -> None:
        """Enqueue all messages, or none; where duplicates are detected, those are left out.

        Raises:
            EntityDisabled, MessageTooLarge, QuotaExceeded, ServerBusy: None was taken.
            ArgumentError: Nobody can send to this entity: others put messages into it.
        """
        if self._throttle is not None:
            self._throttle.admit(len(messages), now)
        self.take(messages, now)

    def throttle(self, cost: int, now: float) -> None:
        """Spend credits for messages that a client sends, receives or looks at.

        Raises:
            ServerBusy: They are too many at once.
        """
        if self._throttle is not None:
            self._throttle.admit(cost, now)

    def check_admission(self, messages: Sequence[Message], now: float) -> None:
        """See whether `take` would take messages.

        Raises:
            BrokerError: It would not; the entity may be gone, too.
        """
        if self._surroundings.find(self.path) is not self:
            raise EntityNotFound(self.path)
        self.expire(now)
        self._check_admission(messages)

    def take(self, messages: Sequence[Message], now: float) -> None:
        """Do as `send_batch` does for what no client sends: messages that others forward."""
        self.expire(now)  # what is over takes no room
        self._check_admission(messages)
        self.accessed_at = now
        if self._history is not None:
            messages = self._new_ones(self._history, messages, now)
        for message in messages:
            when = message.scheduled_enqueue_time
            if when is not None and when > now:
                self._keep_scheduled(message, when, now)
            else:
                self._enqueue(message, now)

    def schedule(self, messages: Sequence[Message], now: float) -> list[int]:
        """Do as `send_batch` does, and return the sequence numbers, with which to cancel.

        A message whose time has come already is active at once.
        """
        self.send_batch(messages, now)
        return [message.sequence_number for message in messages]

    def cancel_scheduled(self, sequence_numbers: Sequence[int], now: float) -> None:
        """Remove scheduled messages, all or none.

        Raises:
            MessageNotFound: One of them is not scheduled (any more).
        """
        self.expire(now)
        self.accessed_at = now
        for message in self._find(sequence_numbers, MessageState.SCHEDULED):
            self._schedule.cancel(message)
            self._store.remove(message)

    def clear(self) -> None:
        """Remove all messages and begin to number anew, as if it had just been created."""
        self._store.clear()
        self._schedule = Timers()
        self._due = inf
        self._last_sequence_number = 0
        if self._history is not None:
            self._history.forget_all()

    # -- time and properties ---------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """Do what has become due."""
        if now >= self._due:
            self._do_due(now)
            self._due = self._next_due()

    def _do_due(self, now: float) -> None:
        """Here, activate scheduled messages."""
        while (scheduled := self._schedule.pop_due(now)) is not None:
            self._store.remove(scheduled)
            self._enqueue(scheduled, now)  # with a new number, as any that arrives now

    def next_deadline(self) -> float | None:
        """When `expire` has something to do; None when only clients can change anything."""
        self._due = due = self._next_due()
        idle_at = self.idle_at()
        if idle_at is not None:
            due = min(due, idle_at)
        return None if due == inf else due

    def idle_at(self) -> float | None:
        """When the entity removes itself unless somebody uses it; None for never."""
        if self.description.auto_delete_on_idle >= FOREVER or self._is_in_use():
            return None
        return self._last_use() + self.description.auto_delete_on_idle

    def hold(self) -> None:
        """Somebody has a link here, and so uses the entity until `let_go`."""
        self._users += 1

    def let_go(self, now: float) -> None:
        """A link has ended."""
        self._users -= 1
        self.touch(now)

    def touch(self, now: float) -> None:
        """Somebody uses the entity."""
        self.accessed_at = now
        self.note_idleness()

    def note_idleness(self) -> None:
        """See that the entity is looked at when nobody has used it for as long as it says."""
        when = self.idle_at()
        if when is not None:
            self._agenda.remind(self, when)

    def update(self, description: EntityDescription, now: float) -> None:
        """Take other properties; messages that are here keep what they have."""
        self._describe(description)
        self.updated_at = now
        self._note_change()
        self.note_idleness()

    # -- being restored --------------------------------------------------------------------------

    def restore(self, updated_at: float, last_sequence_number: int) -> None:
        """Go on from what was saved."""
        self.updated_at = updated_at
        self._last_sequence_number = last_sequence_number

    def restore_message(self, message: Message) -> None:
        """Take a message that was saved, in the state in which it was."""
        self._store.add(message)
        if message.state is MessageState.SCHEDULED and message.scheduled_enqueue_time is not None:
            self._schedule.set(message, message.scheduled_enqueue_time)
            self._remind(message.scheduled_enqueue_time)

    def restore_identity(self, message_id: str, until: float) -> None:
        """Remember an identity, until a time in seconds since the epoch."""
        if self._history is not None:
            self._history.remember(message_id, until)

    # -- inside ----------------------------------------------------------------------------------

    @abstractmethod
    def _enqueue(self, message: Message, now: float) -> None:
        """Take a message that is active from now on."""

    def _new_store(self) -> MessageStore:
        return MessageStore() if self._journal is None else JournaledStore(self._journal, self)

    def _note_change(self) -> None:
        if self._journal is not None:
            self._journal.note_entity(self)

    def _describe(self, description: EntityDescription) -> None:
        """Take properties, and what follows from them for every message."""
        self.description: EntityDescription = description
        limits, status = self.limits, description.status
        self._can_send, self._can_receive = status.can_send, status.can_receive
        self._lifetime = description.default_message_time_to_live
        if limits.max_time_to_live is not None:
            self._lifetime = min(self._lifetime, limits.max_time_to_live)
        own_size, self._quota, self._duplicate_window = None, inf, 0.0
        if isinstance(description, IntakeDescription):
            self._duplicate_window = description.duplicate_detection_history_time_window
            own_size = description.max_message_size_in_kilobytes
            self._quota = description.max_size_in_megabytes * 1024 * 1024
            if limits.max_entity_size is not None:
                self._quota = min(self._quota, limits.max_entity_size)
        wanted = limits.default_message_size if own_size is None else own_size * 1024
        self.max_message_size = min(limits.max_message_size, wanted)

    def _remind(self, when: float) -> None:
        """See that `expire` does something at `when`, whether or not a client comes by."""
        if when < self._due:  # otherwise somebody comes before that, and looks again
            self._due = when
            self._agenda.remind(self, when)

    def _next_due(self) -> float:
        """When there is something to do for `expire`; never, if only clients change anything."""
        deadlines = [timers.next() for timers in self._timers()]
        return min((when for when in deadlines if when is not None), default=inf)

    def _timers(self) -> Sequence[Timers[Message]]:
        """All that `expire` looks at."""
        return (self._schedule,)

    def _is_in_use(self) -> bool:
        return self._users > 0 or len(self._schedule) > 0

    def _last_use(self) -> float:
        return max(self.accessed_at, self.updated_at, self._began)  # restored, it begins anew

    def _stored_bytes(self) -> int:
        """What counts against the entity's quota."""
        return self._store.size_in_bytes

    def _check_admission(self, messages: Sequence[Message]) -> None:
        if not self._can_send:
            raise self._disabled("send")
        limit, total = self.max_message_size, 0
        for message in messages:
            total += message.size
            if message.size > limit:
                raise MessageTooLarge(message.size, limit)
        if self._stored_bytes() + total > self._quota:
            raise QuotaExceeded(
                f"The maximum entity size of {self._quota} bytes has been reached or exceeded "
                f"for '{self.path}'."
            )

    def _new_ones(self, history: History, messages: Sequence[Message], now: float) -> list[Message]:
        """Those that are no duplicates, neither of earlier messages nor of each other."""
        window = self._duplicate_window
        fresh = [each for each in messages if history.is_new(each.message_id, now, window)]
        if self._journal is not None:
            for each in fresh:
                self._journal.note_identity(self, each.message_id, now + window)
        return fresh

    def _disabled(self, operation: str) -> EntityDisabled:
        return EntityDisabled(
            f"Messaging entity '{self.path}' is currently disabled for {operation} "
            f"(its status is {self.description.status.value})."
        )

    def _keep_scheduled(self, message: Message, when: float, now: float) -> None:
        self._number(message, now)
        message.state = MessageState.SCHEDULED
        self._store.add(message)
        self._schedule.set(message, when)
        self._remind(when)

    def _number(self, message: Message, now: float) -> None:
        self._last_sequence_number += 1
        message.sequence_number = self._last_sequence_number
        message.enqueued_at = now

    def _find(self, sequence_numbers: Sequence[int], state: MessageState) -> list[Message]:
        """Find all, each once however often it is named, or raise MessageNotFound."""
        found = []
        for number in dict.fromkeys(sequence_numbers):
            message = self._store.get(number)
            if message is None or message.state is not state or message.lock is not None:
                raise MessageNotFound(number, state.name.lower())
            found.append(message)
        return found
