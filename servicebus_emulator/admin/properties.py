"""The properties of entities: their names in documents, in descriptions, and as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicebus_emulator.admin.durations import format_duration, parse_duration
from servicebus_emulator.broker.entities import EntityStatus

if TYPE_CHECKING:
    from collections.abc import Callable


def parse_bool(text: str) -> bool:
    """Read true or false.

    Raises:
        ValueError: It is neither.
    """
    if text.lower() not in {"true", "false"}:
        raise ValueError(f"'{text[:40]}' is neither true nor false")
    return text.lower() == "true"


def format_bool(value: bool) -> str:
    """Write true or false, as XML does."""
    return str(value).lower()


Codec = tuple["Callable[[str], Any]", "Callable[[Any], str]"]
_DURATION: Codec = (parse_duration, format_duration)
_INTEGER: Codec = (int, str)
_BOOL: Codec = (parse_bool, format_bool)
_TEXT: Codec = (str, str)
_STATUS: Codec = (EntityStatus, lambda status: status.value)

PROPERTIES: dict[str, tuple[str, Codec]] = {
    "AutoDeleteOnIdle": ("auto_delete_on_idle", _DURATION),
    "DeadLetteringOnFilterEvaluationExceptions": (
        "dead_lettering_on_filter_evaluation_exceptions",
        _BOOL,
    ),
    "DeadLetteringOnMessageExpiration": ("dead_lettering_on_message_expiration", _BOOL),
    "DefaultMessageTimeToLive": ("default_message_time_to_live", _DURATION),
    "DuplicateDetectionHistoryTimeWindow": ("duplicate_detection_history_time_window", _DURATION),
    "EnableBatchedOperations": ("enable_batched_operations", _BOOL),
    "EnableExpress": ("enable_express", _BOOL),
    "EnablePartitioning": ("enable_partitioning", _BOOL),
    "EnableSubscriptionPartitioning": ("enable_subscription_partitioning", _BOOL),
    "FilteringMessagesBeforePublishing": ("filtering_messages_before_publishing", _BOOL),
    "ForwardDeadLetteredMessagesTo": ("forward_dead_lettered_messages_to", _TEXT),
    "ForwardTo": ("forward_to", _TEXT),
    "LockDuration": ("lock_duration", _DURATION),
    "MaxDeliveryCount": ("max_delivery_count", _INTEGER),
    "MaxMessageSizeInKilobytes": ("max_message_size_in_kilobytes", _INTEGER),
    "MaxSizeInMegabytes": ("max_size_in_megabytes", _INTEGER),
    "RequiresDuplicateDetection": ("requires_duplicate_detection", _BOOL),
    "RequiresSession": ("requires_session", _BOOL),
    "Status": ("status", _STATUS),
    "SupportOrdering": ("support_ordering", _BOOL),
    "UserMetadata": ("user_metadata", _TEXT),
}
