"""A brokered message as the broker keeps it.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messages-payloads
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Lock:
    """A receiver's hold on a message; `until` is in seconds since the epoch."""

    token: UUID
    until: float


@dataclass(eq=False, slots=True)
class Message:
    """A message in a queue; equal only to itself.

    The first block is what its sender says, the second what the broker adds.

    Attributes:
        content: The encoded bare message; never looked at.
        size: Bytes of the whole message as sent, for limits and quotas.
        time_to_live: Seconds.
        scheduled_enqueue_time: Seconds since the epoch; not active before.
        envelope: Kept for whoever encodes the message; never looked at.
        sequence_number: Rises with each enqueuing; 0 until there is one.
        enqueued_at: Seconds since the epoch.
        expires_at: Seconds since the epoch; None when the message does not expire.
        delivery_count: Deliveries that ended without the receiver's success.
        lock: The hold of a receiver, if there is one.
        properties_to_modify: Application properties that settlements have set.
    """

    message_id: str
    content: bytes
    size: int
    session_id: str | None = None
    time_to_live: float | None = None
    scheduled_enqueue_time: float | None = None
    envelope: object = None

    sequence_number: int = 0
    enqueued_at: float = 0.0
    expires_at: float | None = None
    state: MessageState = MessageState.ACTIVE
    delivery_count: int = 0
    lock: Lock | None = None
    dead_letter_reason: str | None = None
    dead_letter_description: str | None = None
    dead_letter_source: str | None = None
    properties_to_modify: dict[Any, Any] = field(default_factory=dict)

    def modify(self, properties: Mapping[Any, Any] | None) -> None:
        """Remember application properties that a settlement sets."""
        if properties:
            self.properties_to_modify.update(properties)

    def has_expired(self, now: float) -> bool:
        """Whether the time to live is over."""
        return self.expires_at is not None and self.expires_at <= now
