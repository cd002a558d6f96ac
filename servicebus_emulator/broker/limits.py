"""What a namespace allows, and the sets of limits that have a name: the profiles.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas,
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-throttling and, for `official`,
https://learn.microsoft.com/azure/service-bus-messaging/overview-emulator#usage-quotas
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from servicebus_emulator.plain_data import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

_KB = 1024
_MB = 1024 * _KB


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Limits(Value):
    """What a namespace allows; None for no limit.

    Attributes:
        max_message_size: Bytes of one message, its properties included, whatever its entity says.
        default_message_size: Bytes of one message where the entity does not say.
        max_batch_size: Bytes of messages that are sent as one.
        max_connections: AMQP connections at the same time.
        max_entities: Queues and topics in the namespace.
        max_subscriptions: Of one topic.
        max_receivers: Links at the same time that receive from one entity.
        max_entity_size: Bytes of all messages in a queue or topic, whatever it says itself.
        max_time_to_live: Seconds that a message lives at most.
        credits_per_second: Messages sent, received and peeked at, filters evaluated, and ten for
            each management operation, in each second of the clock; what is beyond that is refused.
        min_lock_duration, min_time_to_live, min_duplicate_window: Seconds that an entity says at
            the least.
        entity_sizes: Megabytes that a queue or topic may say; None for any.
        partitions: Of a partitioned entity, each of which has the size that it says.
        max_sql_filters, max_correlation_filters: Of one topic, in all of its subscriptions.
        max_identifier_length: Characters of what a message is told apart or kept together by: its
            id, those of its session and of the one to reply to, its partition keys.
        max_property_size: Bytes of one property of a message, the sender's own or a standard one.
        max_properties_size: Bytes of all that a message has beside its body.
    """

    max_message_size: int = 256 * _KB
    default_message_size: int = 256 * _KB
    max_batch_size: int = 256 * _KB
    max_connections: int | None = None
    max_entities: int | None = None
    max_subscriptions: int | None = 2000
    max_receivers: int | None = None
    max_entity_size: int | None = None
    max_time_to_live: float | None = None
    credits_per_second: int | None = None
    min_lock_duration: float = 0.0
    min_time_to_live: float = 0.0
    min_duplicate_window: float = 0.0
    entity_sizes: tuple[int, ...] | None = None
    partitions: int = 16
    max_sql_filters: int | None = None
    max_correlation_filters: int | None = None
    max_identifier_length: int | None = None
    max_property_size: int | None = None
    max_properties_size: int | None = None


_SERVICE: Final = Limits(
    max_connections=5000,
    max_receivers=5000,
    min_lock_duration=5.0,
    min_time_to_live=1.0,
    min_duplicate_window=20.0,
    max_sql_filters=2000,
    max_correlation_filters=100_000,
    max_identifier_length=128,
    max_property_size=32 * _KB,
    max_properties_size=64 * _KB,
)
"""What all tiers have in common, and where nothing else is said, the official emulator as well."""
_STANDARD_SIZES = (1024, 2048, 3072, 4096, 5120)

PROFILES: Final[Mapping[str, Limits]] = {
    "official": replace(
        _SERVICE,
        max_connections=10,
        max_entities=50,
        max_subscriptions=50,
        max_receivers=200,
        max_entity_size=100 * _MB,
        max_time_to_live=3600.0,
        max_sql_filters=70,
        max_correlation_filters=1000,
    ),
    "standard": replace(
        _SERVICE,
        max_entities=10_000,
        credits_per_second=1000,
        entity_sizes=_STANDARD_SIZES,
    ),
    "premium": replace(
        _SERVICE,
        max_message_size=100 * _MB,
        default_message_size=1 * _MB,
        max_batch_size=1 * _MB,
        max_entities=1000,
        entity_sizes=(*_STANDARD_SIZES, 10_240, 20_480, 40_960, 81_920),
        partitions=1,
    ),
    "unlimited": Limits(
        max_message_size=100 * _MB,
        default_message_size=100 * _MB,
        max_batch_size=100 * _MB,
        max_subscriptions=None,
    ),
}
"""By name: the official emulator, two tiers of the cloud (one messaging unit), and no limits."""


def limits_of(profile: str | Limits | None) -> Limits:
    """The limits of a profile, by its name; without one, those that tests can live with.

    Raises:
        ValueError: There is no profile of that name.
    """
    if profile is None:
        return Limits()
    if isinstance(profile, Limits):
        return profile
    found = PROFILES.get(profile)
    if found is None:
        raise ValueError(f"there is no profile '{profile}': known are {', '.join(PROFILES)}")
    return found
