"""A queue's description as the children of `QueueDescription`, and back.

The order of the children is that of the service; SDKs depend on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicebus_emulator.admin.atom import Entry, InvalidDocumentError, count_details, timestamp
from servicebus_emulator.admin.durations import format_duration, parse_duration
from servicebus_emulator.broker.entities import EntityStatus, QueueDescription
from servicebus_emulator.broker.errors import OperationNotSupported

if TYPE_CHECKING:
    from collections.abc import Callable
    from xml.etree.ElementTree import Element

    from servicebus_emulator.admin.atom import Fields
    from servicebus_emulator.broker.queue import Queue

KIND = "QueueDescription"


def _parse_bool(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(f"'{text[:40]}' is neither true nor false")
    return text.lower() == "true"


def _format_bool(value: bool) -> str:
    return str(value).lower()


_Codec = tuple["Callable[[str], Any]", "Callable[[Any], str]"]
_DURATION: _Codec = (parse_duration, format_duration)
_INTEGER: _Codec = (int, str)
_BOOL: _Codec = (_parse_bool, _format_bool)
_TEXT: _Codec = (str, str)
_STATUS: _Codec = (EntityStatus, lambda status: status.value)

_PROPERTIES: dict[str, tuple[str, _Codec]] = {
    "LockDuration": ("lock_duration", _DURATION),
    "MaxSizeInMegabytes": ("max_size_in_megabytes", _INTEGER),
    "RequiresDuplicateDetection": ("requires_duplicate_detection", _BOOL),
    "RequiresSession": ("requires_session", _BOOL),
    "DefaultMessageTimeToLive": ("default_message_time_to_live", _DURATION),
    "DeadLetteringOnMessageExpiration": ("dead_lettering_on_message_expiration", _BOOL),
    "DuplicateDetectionHistoryTimeWindow": ("duplicate_detection_history_time_window", _DURATION),
    "MaxDeliveryCount": ("max_delivery_count", _INTEGER),
    "EnableBatchedOperations": ("enable_batched_operations", _BOOL),
    "Status": ("status", _STATUS),
    "ForwardTo": ("forward_to", _TEXT),
    "UserMetadata": ("user_metadata", _TEXT),
    "SupportOrdering": ("support_ordering", _BOOL),
    "AutoDeleteOnIdle": ("auto_delete_on_idle", _DURATION),
    "EnablePartitioning": ("enable_partitioning", _BOOL),
    "EnableExpress": ("enable_express", _BOOL),
    "ForwardDeadLetteredMessagesTo": ("forward_dead_lettered_messages_to", _TEXT),
    "MaxMessageSizeInKilobytes": ("max_message_size_in_kilobytes", _INTEGER),
}
_READ_ONLY = frozenset(
    {
        "AccessedAt",
        "CountDetails",
        "CreatedAt",
        "EntityAvailabilityStatus",
        "IsAnonymousAccessible",
        "MessageCount",
        "SizeInBytes",
        "UpdatedAt",
    }
)


def read_description(kind: str, children: dict[str, Element]) -> QueueDescription:
    """Make a description of what a client sent; what it left out has its default.

    Raises:
        InvalidDocumentError: An element is unknown, or its text is malformed; the message names it.
        OperationNotSupported: Not a queue, or with authorization rules of its own.
    """
    if kind != KIND:
        raise OperationNotSupported(f"The entity type {kind}")
    if len(children.get("AuthorizationRules", ())):
        raise OperationNotSupported("A queue's own authorization rules")
    values: dict[str, Any] = {}
    for name, element in children.items():
        if name in _PROPERTIES:
            attribute, (parse, _) = _PROPERTIES[name]
            text = (element.text or "").strip()
            if text:
                values[attribute] = _value(name, text, parse)
        elif name not in _READ_ONLY and name != "AuthorizationRules":
            raise InvalidDocumentError(f"{KIND} has no property {name}.")
    return QueueDescription(**values)


def queue_entry(queue: Queue, now: float) -> Entry:
    """The document of a queue: its description, and what it holds now."""
    counts = queue.counts(now)
    fields: Fields = [
        *_settings(queue, "LockDuration", "EnableBatchedOperations"),
        ("SizeInBytes", str(counts.size_in_bytes)),
        ("MessageCount", str(counts.total)),
        ("IsAnonymousAccessible", "false"),
        ("AuthorizationRules", ""),
        *_settings(queue, "Status", "UserMetadata"),
        ("CreatedAt", timestamp(queue.created_at)),
        ("UpdatedAt", timestamp(queue.updated_at)),
        ("AccessedAt", timestamp(queue.accessed_at)),
        *_settings(queue, "SupportOrdering", "SupportOrdering"),
        (
            "CountDetails",
            count_details(
                {
                    "ActiveMessageCount": counts.active,
                    "DeadLetterMessageCount": counts.dead_letter,
                    "ScheduledMessageCount": counts.scheduled,
                    "TransferMessageCount": 0,
                    "TransferDeadLetterMessageCount": 0,
                }
            ),
        ),
        *_settings(queue, "AutoDeleteOnIdle", "EnablePartitioning"),
        ("EntityAvailabilityStatus", "Available"),
        *_settings(queue, "EnableExpress", "MaxMessageSizeInKilobytes"),
    ]
    return Entry(queue.path, KIND, fields, queue.created_at, queue.updated_at)


def _settings(queue: Queue, first: str, last: str) -> Fields:
    """The properties from `first` to `last`, both included, that have a value."""
    names = list(_PROPERTIES)
    fields: Fields = []
    for name in names[names.index(first) : names.index(last) + 1]:
        attribute, (_, format_value) = _PROPERTIES[name]
        value = getattr(queue.description, attribute)
        fields.append((name, None if value is None else format_value(value)))
    return fields


def _value(name: str, text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise InvalidDocumentError(f"The value of {name} is malformed: {error}.") from error
