"""Queues, topics and subscriptions as documents, and what clients want of them, read from such.

The order of the children is that of the service; SDKs depend on it.
Source: https://learn.microsoft.com/rest/api/servicebus/entities
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from servicebus_emulator.admin.access_documents import rules_element
from servicebus_emulator.admin.atom import (
    Entry,
    InvalidDocumentError,
    count_details,
    timestamp,
)
from servicebus_emulator.admin.properties import PROPERTIES
from servicebus_emulator.broker.entities import (
    EntityDescription,
    IntakeDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from servicebus_emulator.broker.rules import CorrelationFilter
from servicebus_emulator.broker.subscription import Subscription
from servicebus_emulator.broker.topic import Topic

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from servicebus_emulator.admin.atom import Fields
    from servicebus_emulator.broker.entities import QueueCounts
    from servicebus_emulator.broker.queue import Queue

_TIMES = ("CreatedAt", "UpdatedAt", "AccessedAt")

_QUEUE = (
    *("LockDuration", "MaxSizeInMegabytes", "RequiresDuplicateDetection", "RequiresSession"),
    *("DefaultMessageTimeToLive", "DeadLetteringOnMessageExpiration"),
    *("DuplicateDetectionHistoryTimeWindow", "MaxDeliveryCount", "EnableBatchedOperations"),
    *("SizeInBytes", "MessageCount", "IsAnonymousAccessible", "AuthorizationRules", "Status"),
    *("ForwardTo", "UserMetadata", *_TIMES, "SupportOrdering", "CountDetails"),
    *("AutoDeleteOnIdle", "EnablePartitioning", "EntityAvailabilityStatus", "EnableExpress"),
    *("ForwardDeadLetteredMessagesTo", "MaxMessageSizeInKilobytes"),
)
_TOPIC = (
    *("DefaultMessageTimeToLive", "MaxSizeInMegabytes", "RequiresDuplicateDetection"),
    *("DuplicateDetectionHistoryTimeWindow", "EnableBatchedOperations", "SizeInBytes"),
    *("FilteringMessagesBeforePublishing", "IsAnonymousAccessible", "AuthorizationRules"),
    *("Status", "UserMetadata", *_TIMES, "SupportOrdering", "CountDetails"),
    *("SubscriptionCount", "SqlFilterCount", "CorrelationFilterCount", "AutoDeleteOnIdle"),
    *("EnablePartitioning", "EntityAvailabilityStatus", "EnableSubscriptionPartitioning"),
    *("EnableExpress", "MaxMessageSizeInKilobytes"),
)
_SUBSCRIPTION = (
    *("LockDuration", "RequiresSession", "DefaultMessageTimeToLive"),
    *("DeadLetteringOnMessageExpiration", "DeadLetteringOnFilterEvaluationExceptions"),
    *("MessageCount", "MaxDeliveryCount", "EnableBatchedOperations", "Status", "ForwardTo"),
    *(*_TIMES, "UserMetadata", "CountDetails", "ForwardDeadLetteredMessagesTo"),
    *("AutoDeleteOnIdle", "EntityAvailabilityStatus"),
)
_NOT_READ = frozenset({"DefaultRuleDescription", "AuthorizationRules"})
_KINDS: dict[type[EntityDescription], tuple[str, tuple[str, ...]]] = {
    QueueDescription: ("QueueDescription", _QUEUE),
    TopicDescription: ("TopicDescription", _TOPIC),
    SubscriptionDescription: ("SubscriptionDescription", _SUBSCRIPTION),
}
Description = TypeVar("Description", bound=EntityDescription)


def read_description(
    wanted: type[Description], kind: str, children: dict[str, Element]
) -> Description:
    """Make a description of what a client sent; what it left out has its default.

    Args:
        wanted: The class of the description.
        kind: The name of the element around the properties.
        children: The properties' elements by name.

    Raises:
        InvalidDocumentError: An element is unknown, or its text is malformed; the message names it.
    """
    expected, names = _KINDS[wanted]
    if kind != expected:
        raise InvalidDocumentError(f"A {expected} is expected here, not a {kind}.")
    values: dict[str, Any] = {}
    for name, element in children.items():
        if name not in names and name not in _NOT_READ:
            raise InvalidDocumentError(f"A {kind} has no property {name}.")
        text = (element.text or "").strip()
        if name in PROPERTIES and text:
            attribute, (parse, _) = PROPERTIES[name]
            values[attribute] = _value(name, text, parse)
    return wanted(**values)


def entity_entry(entity: Queue | Topic, now: float) -> Entry:
    """The document of an entity: its description, and what it holds now."""
    description = entity.description
    kind, names = _KINDS[type(description)]
    state = _state(entity, now)
    fields: Fields = []
    for name in names:
        if name in PROPERTIES:
            attribute, (_, format_value) = PROPERTIES[name]
            value = getattr(description, attribute)
            if name == "MaxMessageSizeInKilobytes":  # the namespace's when it has none of its own
                value = entity.max_message_size // 1024
            fields.append((name, None if value is None else format_value(value)))
        else:
            fields.append((name, state[name]))
    title = entity.name if isinstance(entity, Subscription) else entity.path
    return Entry(entity.path, title, kind, fields, entity.created_at, entity.updated_at)


def _state(entity: Queue | Topic, now: float) -> dict[str, Any]:
    """What a document says beside the description."""
    counts = entity.counts(now)
    state: dict[str, Any] = {
        "SizeInBytes": str(counts.size_in_bytes),
        "MessageCount": str(counts.total),
        "IsAnonymousAccessible": "false",
        "CreatedAt": timestamp(entity.created_at),
        "UpdatedAt": timestamp(entity.updated_at),
        "AccessedAt": timestamp(entity.accessed_at),
        "CountDetails": _count_details(counts),
        "EntityAvailabilityStatus": "Available",
    }
    if isinstance(entity.description, IntakeDescription):
        state["AuthorizationRules"] = rules_element(entity.description.authorization_rules)
    if isinstance(entity, Topic):
        rules = [rule for each in entity.subscriptions for rule in each.rules]
        correlating = sum(isinstance(rule.filter, CorrelationFilter) for rule in rules)
        state["SubscriptionCount"] = str(len(entity.subscriptions))
        state["SqlFilterCount"] = str(len(rules) - correlating)
        state["CorrelationFilterCount"] = str(correlating)
    return state


def _count_details(counts: QueueCounts) -> Element:
    return count_details(
        {
            "ActiveMessageCount": counts.active,
            "DeadLetterMessageCount": counts.dead_letter,
            "ScheduledMessageCount": counts.scheduled,
            "TransferMessageCount": 0,
            "TransferDeadLetterMessageCount": counts.transfer_dead_letter,
        }
    )


def _value(name: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise InvalidDocumentError(f"The value of {name} is malformed: {error}.") from error
