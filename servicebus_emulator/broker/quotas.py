"""What a tier allows of entities and rules, beyond the rules that all follow.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas and
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-resource-manager-exceptions
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from servicebus_emulator.broker.entities import (
    LARGEST_SIZE,
    IntakeDescription,
    OutletDescription,
)
from servicebus_emulator.broker.errors import ArgumentError, ArgumentOutOfRange, QuotaExceeded
from servicebus_emulator.broker.rules import CorrelationFilter, SqlFilter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicebus_emulator.broker.entities import EntityDescription
    from servicebus_emulator.broker.limits import Limits
    from servicebus_emulator.broker.rules import Rule


Intake = TypeVar("Intake", bound=IntakeDescription)


def check_description(description: EntityDescription, limits: Limits) -> None:
    """See that a tier allows an entity with these properties.

    Raises:
        ArgumentError: It does not allow one of them; the text says what it does.
    """
    lifetime = description.default_message_time_to_live
    _check_least("DefaultMessageTimeToLive", lifetime, limits.min_time_to_live)
    if isinstance(description, OutletDescription):
        _check_least("LockDuration", description.lock_duration, limits.min_lock_duration)
    if isinstance(description, IntakeDescription):
        window = description.duplicate_detection_history_time_window
        least = limits.min_duplicate_window
        _check_least("DuplicateDetectionHistoryTimeWindow", window, least)
        _check_size(description, limits)


def partitioned(description: Intake, limits: Limits) -> Intake:
    """A new entity's description, with the size that its partitions have together.

    Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-partitioning
    """
    size = description.max_size_in_megabytes * limits.partitions
    if not description.enable_partitioning or size > LARGEST_SIZE:
        return description
    return replace(description, max_size_in_megabytes=size)


def check_rule(rule: Rule, others: Iterable[Rule], limits: Limits) -> None:
    """See that a tier allows a rule beside the others of its topic.

    Raises:
        QuotaExceeded: The topic has as many filters of this kind as it may.
    """
    kinds: tuple[tuple[type, int | None, str], ...] = (
        (SqlFilter, limits.max_sql_filters, "SQL"),
        (CorrelationFilter, limits.max_correlation_filters, "correlation"),
    )
    for kind, most, name in kinds:
        if most is None or not isinstance(rule.filter, kind):
            continue
        if sum(isinstance(other.filter, kind) for other in others) >= most:
            raise QuotaExceeded(f"A topic has at most {most} {name} filters.")


def _check_least(name: str, value: float, least: float) -> None:
    if value < least:
        raise ArgumentOutOfRange(
            f"{name} is at least {least:g} seconds in this namespace, and is {value:g}."
        )


def _check_size(description: IntakeDescription, limits: Limits) -> None:
    wanted = description.max_message_size_in_kilobytes
    most = math.ceil(limits.max_message_size / 1024)
    if wanted is not None and wanted > most:
        raise ArgumentOutOfRange(
            f"MaxMessageSizeInKilobytes is at most {most} in this namespace, and is {wanted}."
        )
    sizes, size = limits.entity_sizes, description.max_size_in_megabytes
    whole = {each * limits.partitions for each in sizes or ()}
    is_whole = description.enable_partitioning and size in whole  # as `partitioned` has made it
    if sizes is not None and size not in sizes and not is_whole:
        raise ArgumentError(
            f"The specified value {size} is invalid. The property MaxSizeInMegabytes must be one "
            f"of the following values: {';'.join(map(str, sizes))}."
        )
