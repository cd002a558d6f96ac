"""What entities are: their properties with Service Bus' defaults, and the rules they follow.

Durations are seconds. Source: https://learn.microsoft.com/rest/api/servicebus/create-queue and
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import ClassVar

from servicebus_emulator.broker.access import AccessKey, check_policies
from servicebus_emulator.broker.errors import (
    ArgumentError,
    ArgumentOutOfRange,
)
from servicebus_emulator.plain_data import Value

FOREVER = 922_337_203_685.477_58
"""The longest duration that the service knows (.NET's `TimeSpan.MaxValue`)."""

DEAD_LETTER_SUFFIX = "$DeadLetterQueue"
TRANSFER_SUFFIX = f"$Transfer/{DEAD_LETTER_SUFFIX}"

LARGEST_SIZE = 81_920
"""Megabytes that an entity takes at most."""

_MAX_LOCK_DURATION = 300.0
_MAX_DELIVERY_COUNT = 2000
_LEAST_IDLE = 300.0
_LONGEST_HISTORY = 7 * 86_400.0
_MAX_METADATA_LENGTH = 1024
_MAX_NAME_LENGTH = 260
_MAX_PART_NAME_LENGTH = 50
_SUBSCRIPTIONS = "/subscriptions/"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9_])?", re.ASCII)
_PART_NAME = re.compile(r"\$?[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?", re.ASCII)


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


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class EntityDescription(Value):
    """What all entities have in common.

    Attributes:
        default_message_time_to_live: Seconds; also the ceiling of a message's own.
        auto_delete_on_idle: Seconds without any use after which the entity removes itself.
    """

    default_message_time_to_live: float = FOREVER
    enable_batched_operations: bool = True
    status: EntityStatus = EntityStatus.ACTIVE
    user_metadata: str | None = None
    auto_delete_on_idle: float = FOREVER

    FIXED: ClassVar[tuple[str, ...]] = ()
    """The properties that cannot be changed after creation."""

    def validate(self) -> None:
        """Check the properties.

        Raises:
            ArgumentOutOfRange: A value is beyond what Service Bus allows.
        """
        _check("DefaultMessageTimeToLive", self.default_message_time_to_live, 0.0, FOREVER)
        if self.auto_delete_on_idle < _LEAST_IDLE:
            raise ArgumentOutOfRange(
                f"AutoDeleteOnIdle must be at least {_LEAST_IDLE:g} seconds, "
                f"and is {self.auto_delete_on_idle:g}."
            )
        metadata = self.user_metadata
        if metadata is not None and len(metadata) > _MAX_METADATA_LENGTH:
            raise ArgumentOutOfRange(
                f"UserMetadata has at most {_MAX_METADATA_LENGTH} characters, not {len(metadata)}."
            )

    def check_change(self, old: EntityDescription) -> None:
        """Check the properties, and that those which are fixed at creation are as before.

        Raises:
            ArgumentError: One is not.
            BrokerError: As `validate` does.
        """
        for name in self.FIXED:
            if getattr(self, name) != getattr(old, name):
                raise ArgumentError(_fixed(name, type(self).__name__.removesuffix("Description")))
        self.validate()


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class IntakeDescription(EntityDescription):
    """What entities that messages are sent to have in common: queues and topics.

    Attributes:
        duplicate_detection_history_time_window: Seconds for which identities are remembered.
        max_message_size_in_kilobytes: None for what the namespace gives entities.
        authorization_rules: Who may use this entity beside those who may use the namespace.
    """

    max_size_in_megabytes: int = 1024
    requires_duplicate_detection: bool = False
    duplicate_detection_history_time_window: float = 600.0
    support_ordering: bool = True
    enable_partitioning: bool = False
    enable_express: bool = False
    max_message_size_in_kilobytes: int | None = None
    authorization_rules: tuple[AccessKey, ...] = ()

    FIXED: ClassVar[tuple[str, ...]] = ("requires_duplicate_detection", "enable_partitioning")

    def validate(self) -> None:
        """Check the properties; see `EntityDescription`."""
        super().validate()
        _check("MaxSizeInMegabytes", self.max_size_in_megabytes, 0, LARGEST_SIZE)
        if self.max_message_size_in_kilobytes is not None:
            _check("MaxMessageSizeInKilobytes", self.max_message_size_in_kilobytes, 0, 102_400)
        _check(
            "DuplicateDetectionHistoryTimeWindow",
            self.duplicate_detection_history_time_window,
            0.0,
            _LONGEST_HISTORY,
        )
        check_policies(self.authorization_rules)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OutletDescription(EntityDescription):
    """What entities that messages are received from have in common: queues and subscriptions.

    Attributes:
        lock_duration: Seconds, more than 0 and at most 300.
        max_delivery_count: Failed deliveries after which a message is dead-lettered.
    """

    lock_duration: float = 60.0
    requires_session: bool = False
    dead_lettering_on_message_expiration: bool = False
    max_delivery_count: int = 10
    forward_to: str | None = None
    forward_dead_lettered_messages_to: str | None = None

    FIXED: ClassVar[tuple[str, ...]] = ("requires_session",)

    def validate(self) -> None:
        """Check the properties; see `EntityDescription`."""
        super().validate()
        _check("LockDuration", self.lock_duration, 0.0, _MAX_LOCK_DURATION)
        _check("MaxDeliveryCount", self.max_delivery_count, 0, _MAX_DELIVERY_COUNT)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class QueueDescription(IntakeDescription, OutletDescription):
    """A queue's properties."""

    FIXED: ClassVar[tuple[str, ...]] = IntakeDescription.FIXED + OutletDescription.FIXED


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class TopicDescription(IntakeDescription):
    """A topic's properties.

    Attributes:
        filtering_messages_before_publishing: Kept for clients; it has no effect.
        enable_subscription_partitioning: Kept for clients; it has no effect.
    """

    filtering_messages_before_publishing: bool = False
    enable_subscription_partitioning: bool = False


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SubscriptionDescription(OutletDescription):
    """A subscription's properties.

    Attributes:
        dead_lettering_on_filter_evaluation_exceptions: Whether a message that a rule fails on is
            dead-lettered; otherwise the subscription never sees it.
    """

    dead_lettering_on_filter_evaluation_exceptions: bool = True


def _fixed(name: str, kind: str) -> str:
    """What the service says of a property that cannot be changed."""
    if name == "enable_partitioning":
        return f"Partitioning cannot be changed for {kind}. It is decided at creation."
    public = name.title().replace("_", "")
    return f"The value for the {public} property of an existing {kind} cannot be changed."


def _check(name: str, value: float, lowest: float, highest: float) -> None:
    if not lowest < value <= highest:
        raise ArgumentOutOfRange(
            f"{name} must be greater than {lowest:g} and at most {highest:g}, and is {value:g}."
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class QueueCounts(Value):
    """How many messages a queue holds, by state; and their bytes, the dead-lettered included."""

    active: int
    deferred: int
    scheduled: int
    dead_letter: int
    size_in_bytes: int
    transfer_dead_letter: int = 0

    @property
    def total(self) -> int:
        """All messages of the queue and its dead-letter queues."""
        buried = self.dead_letter + self.transfer_dead_letter
        return self.active + self.deferred + self.scheduled + buried


def check_name(name: str) -> None:
    """Check the name of a queue or topic.

    Raises:
        ArgumentError: It breaks the rules: letters, digits, `.`, `-`, `_` and `/` in between, at
            most 260 characters.
    """
    if (
        len(name) > _MAX_NAME_LENGTH
        or not _NAME.fullmatch(name)
        or "//" in name
        or _SUBSCRIPTIONS in name.casefold()
    ):
        raise ArgumentError(
            f"'{name[:_MAX_NAME_LENGTH]}' is no valid entity name: letters, digits, periods, "
            "hyphens, underscores and slashes in between, a letter or digit first, at most "
            f"{_MAX_NAME_LENGTH} characters."
        )


def check_part_name(name: str) -> None:
    """Check the name of a subscription or a rule.

    Raises:
        ArgumentError: It breaks the rules: letters, digits, `.`, `-` and `_`, at most 50
            characters; the default rule's `$` may come first.
    """
    if len(name) > _MAX_PART_NAME_LENGTH or not _PART_NAME.fullmatch(name):
        raise ArgumentError(
            f"'{name[:_MAX_NAME_LENGTH]}' is no valid name of a subscription or rule: letters, "
            "digits, periods, hyphens and underscores, a letter or digit first, at most "
            f"{_MAX_PART_NAME_LENGTH} characters."
        )


def entity_path(target: str) -> str:
    """The path in the address of an entity, which may be a URL."""
    _, separator, rest = target.partition("://")
    path = rest.partition("/")[2] if separator else target
    return path.strip("/")
