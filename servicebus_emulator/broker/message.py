"""A brokered message as the broker keeps it.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messages-payloads
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from servicebus_emulator.broker.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID


class MessageState(enum.IntEnum):
    """Where a message stands; the numbers are those of `x-opt-message-state`."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


class ReceiveMode(enum.Enum):
    """What happens to a message when it is delivered."""

    PEEK_LOCK = "peek-lock"
    RECEIVE_AND_DELETE = "receive-and-delete"


class Lock(NamedTuple):
    """A receiver's hold on a message; `until` is in seconds since the epoch."""

    token: UUID
    until: float


class Envelope(Protocol):
    """What whoever encodes messages keeps with one; it can read what the broker cannot."""

    def facts(self, message: Message, new_id: Callable[[], UUID]) -> Facts:
        """The properties of the message, for the rules of subscriptions.

        Raises:
            FilterError: They cannot be read.
        """


@dataclass(eq=False, slots=True)
class Message:
    """A message in a queue; equal only to itself.

    The first block is what its sender says, the second what the broker adds.

    Attributes:
        content: The encoded bare message; never looked at.
        size: Bytes of the whole message as sent, for limits and quotas.
        time_to_live: Seconds.
        scheduled_enqueue_time: Seconds since the epoch; not active before.
        envelope: Kept for whoever encodes the message.
        sequence_number: Rises with each enqueuing; 0 until there is one.
        origin_sequence_number: The number it had in the entity that it was sent to; 0 while it is
            there.
        enqueued_at: Seconds since the epoch.
        expires_at: Seconds since the epoch; None when the message does not expire.
        delivery_count: Deliveries that ended without the receiver's success.
        lock: The hold of a receiver, if there is one.
        hops: How often it was forwarded.
        properties_to_modify: Application properties that settlements and rules have set, or
            `facts.REMOVED`.
        system_changes: System properties that rules have set, by their names in `facts`.
    """

    message_id: str
    content: bytes
    size: int
    session_id: str | None = None
    time_to_live: float | None = None
    scheduled_enqueue_time: float | None = None
    envelope: Envelope | None = None

    sequence_number: int = 0
    origin_sequence_number: int = 0
    enqueued_at: float = 0.0
    expires_at: float | None = None
    hops: int = 0
    state: MessageState = MessageState.ACTIVE
    delivery_count: int = 0
    lock: Lock | None = None
    dead_letter_reason: str | None = None
    dead_letter_description: str | None = None
    dead_letter_source: str | None = None
    properties_to_modify: dict[Any, Any] = field(default_factory=dict)
    system_changes: dict[str, Any] | None = None

    def modify(self, properties: Mapping[Any, Any] | None) -> None:
        """Remember application properties that a settlement sets."""
        if properties:
            self.properties_to_modify.update(properties)

    @property
    def is_as_sent(self) -> bool:
        """Whether nobody has added to its properties since it was sent."""
        return not (
            self.properties_to_modify
            or self.system_changes
            or self.dead_letter_reason is not None
            or self.dead_letter_description is not None
        )

    def has_expired(self, now: float) -> bool:
        """Whether the time to live is over."""
        return self.expires_at is not None and self.expires_at <= now

    def facts(self, new_id: Callable[[], UUID]) -> Facts:
        """The properties as rules see them.

        Raises:
            FilterError: They cannot be read.
        """
        if self.envelope is not None:
            return self.envelope.facts(self, new_id)
        system = {"MessageId": self.message_id}
        if self.session_id is not None:
            system["SessionId"] = self.session_id
        return Facts(new_id, system, dict(self.properties_to_modify))

    def copy(self) -> Message:
        """The same message once more, as if it had just arrived where it is sent on to."""
        return replace(
            self,
            scheduled_enqueue_time=None,
            origin_sequence_number=self.origin_sequence_number or self.sequence_number,
            state=MessageState.ACTIVE,
            delivery_count=0,
            lock=None,
            properties_to_modify=dict(self.properties_to_modify),
            system_changes=dict(self.system_changes) if self.system_changes else None,
        )
