"""What a queue is: its properties with Service Bus' defaults, and the rules they follow.

Durations are seconds. Source: https://learn.microsoft.com/rest/api/servicebus/create-queue and
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from servicebus_emulator.broker.errors import (
    ArgumentError,
    ArgumentOutOfRange,
    OperationNotSupported,
)

FOREVER = 922_337_203_685.477_58
"""The longest duration that the service knows (.NET's `TimeSpan.MaxValue`)."""

DEAD_LETTER_SUFFIX = "$DeadLetterQueue"

_MAX_LOCK_DURATION = 300.0
_MAX_DELIVERY_COUNT = 2000
_MAX_NAME_LENGTH = 260
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9_])?", re.ASCII)


class EntityStatus(enum.Enum):
    """Which operations an entity takes."""

    ACTIVE = "Active"
    DISABLED = "Disabled"
    SEND_DISABLED = "SendDisabled"
    RECEIVE_DISABLED = "ReceiveDisabled"

    @property
    def can_send(self) -> bool:
        """Whether messages may be sent to the entity."""
        return self in {EntityStatus.ACTIVE, EntityStatus.RECEIVE_DISABLED}

    @property
    def can_receive(self) -> bool:
        """Whether messages may be received from the entity."""
        return self in {EntityStatus.ACTIVE, EntityStatus.SEND_DISABLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDescription:
    """A queue's properties, in the order in which the management API writes them.

    Attributes:
        lock_duration: Seconds, more than 0 and at most 300.
        default_message_time_to_live: Seconds; also the ceiling of a message's own.
        max_delivery_count: Failed deliveries after which a message is dead-lettered.
    """

    lock_duration: float = 60.0
    max_size_in_megabytes: int = 1024
    requires_duplicate_detection: bool = False
    requires_session: bool = False
    default_message_time_to_live: float = FOREVER
    dead_lettering_on_message_expiration: bool = False
    duplicate_detection_history_time_window: float = 600.0
    max_delivery_count: int = 10
    enable_batched_operations: bool = True
    status: EntityStatus = EntityStatus.ACTIVE
    forward_to: str | None = None
    user_metadata: str | None = None
    support_ordering: bool = True
    auto_delete_on_idle: float = FOREVER
    enable_partitioning: bool = False
    enable_express: bool = False
    forward_dead_lettered_messages_to: str | None = None
    max_message_size_in_kilobytes: int = 256

    def validate(self) -> None:
        """Check the properties.

        Raises:
            ArgumentOutOfRange: A value is beyond what Service Bus allows.
            OperationNotSupported: A property asks for what this emulator cannot do yet.
        """
        for name, value, lowest, highest in (
            ("LockDuration", self.lock_duration, 0.0, _MAX_LOCK_DURATION),
            ("DefaultMessageTimeToLive", self.default_message_time_to_live, 0.0, FOREVER),
            ("MaxDeliveryCount", self.max_delivery_count, 0, _MAX_DELIVERY_COUNT),
            ("MaxSizeInMegabytes", self.max_size_in_megabytes, 0, 81_920),
            ("MaxMessageSizeInKilobytes", self.max_message_size_in_kilobytes, 0, 102_400),
        ):
            if not lowest < value <= highest:
                raise ArgumentOutOfRange(
                    f"{name} must be greater than {lowest:g} and at most {highest:g}, "
                    f"and is {value:g}."
                )
        for name, is_wanted in (
            ("RequiresSession", self.requires_session),
            ("RequiresDuplicateDetection", self.requires_duplicate_detection),
            ("ForwardTo", self.forward_to is not None),
            ("ForwardDeadLetteredMessagesTo", self.forward_dead_lettered_messages_to is not None),
            ("AutoDeleteOnIdle", self.auto_delete_on_idle < FOREVER),
            ("EnablePartitioning", self.enable_partitioning),
        ):
            if is_wanted:
                raise OperationNotSupported(f"The property {name}")


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many messages a queue holds, by state; and their bytes, the dead-lettered included."""

    active: int
    deferred: int
    scheduled: int
    dead_letter: int
    size_in_bytes: int

    @property
    def total(self) -> int:
        """All messages of the queue and its dead-letter queue."""
        return self.active + self.deferred + self.scheduled + self.dead_letter


@dataclass(frozen=True, slots=True)
class Limits:
    """What a namespace allows.

    Attributes:
        max_message_size: Bytes of one message, its properties included.
        max_entities: Queues in the namespace; None for no limit.
    """

    max_message_size: int = 262_144
    max_entities: int | None = None


def check_name(name: str) -> None:
    """Check the name of a queue.

    Raises:
        ArgumentError: It breaks the rules: letters, digits, `.`, `-`, `_` and `/` in between, at
            most 260 characters.
    """
    if len(name) > _MAX_NAME_LENGTH or not _NAME.fullmatch(name) or "//" in name:
        raise ArgumentError(
            f"'{name[:_MAX_NAME_LENGTH]}' is no valid queue name: letters, digits, periods, "
            "hyphens, underscores and slashes in between, a letter or digit first, at most "
            f"{_MAX_NAME_LENGTH} characters."
        )
