"""The properties of a message as rules see and change them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from servicebus_emulator.plain_data import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

_KNOWN = (
    "ContentType",
    "CorrelationId",
    "DeliveryCount",
    "EnqueuedSequenceNumber",
    "EnqueuedTimeUtc",
    "ExpiresAtUtc",
    "ForcePersistence",
    "MessageId",
    "PartitionKey",
    "ReplyTo",
    "ReplyToSessionId",
    "ScheduledEnqueueTimeUtc",
    "SequenceNumber",
    "SessionId",
    "Size",
    "Subject",
    "TimeToLive",
    "To",
    "TransactionPartitionKey",
)
SYSTEM_PROPERTIES: Final = {name.casefold(): name for name in _KNOWN} | {
    "label": "Subject",  # its name in older SDKs and in all examples
    "viapartitionkey": "TransactionPartitionKey",
}
"""The names after `sys.`, in lower case, and what each is called here."""

WRITABLE: Final = frozenset(
    {
        "ContentType",
        "CorrelationId",
        "MessageId",
        "ReplyTo",
        "ReplyToSessionId",
        "SessionId",
        "Subject",
        "To",
    }
)
"""The system properties that an action can change; all are strings."""

REMOVED: Final = object()
"""Stands, among changed properties, for one that is no more."""


class FilterError(Exception):
    """A rule cannot be evaluated on this message; the text says why."""


@dataclass(slots=True, eq=False, repr=False)
class Facts(Record):
    """What a rule knows of a message, and what its action has changed so far.

    Attributes:
        new_id: Makes an identity.
        system_properties: Values by the names in `SYSTEM_PROPERTIES`; strings, numbers, and
            datetimes for the times; those without a value are missing.
        user_properties: The sender's own, the application properties.
        system_changes, user_changes: By name; `REMOVED` for what is no more.
    """

    new_id: Callable[[], UUID]
    system_properties: dict[str, Any] = field(default_factory=dict)
    user_properties: dict[Any, Any] = field(default_factory=dict)
    system_changes: dict[str, Any] = field(default_factory=dict)
    user_changes: dict[str, Any] = field(default_factory=dict)
    _folded: dict[str, str] | None = None

    def system(self, name: str) -> Any:
        """The value of a system property, None without."""
        return self.system_properties.get(name)

    def user(self, name: str) -> Any:
        """The value of one of the sender's properties, None without."""
        return self.user_properties.get(self._key(name))

    def has_user(self, name: str) -> bool:
        """Whether the sender's properties hold that name, perhaps without a value."""
        return self._key(name) in self.user_properties

    def set(self, name: str, value: Any, *, system: bool) -> None:
        """Change a property.

        Raises:
            FilterError: A system property takes strings only.
        """
        if system:
            if not isinstance(value, str):
                raise FilterError(f"The system property {name} takes a string.")
            self.system_properties[name] = self.system_changes[name] = value
        else:
            key = self._key(name)
            self.user_properties[key] = self.user_changes[key] = value
            self._folded = None

    def remove(self, name: str, *, system: bool) -> None:
        """Take a property away."""
        if system:
            self.system_properties.pop(name, None)
            self.system_changes[name] = REMOVED
        else:
            key = self._key(name)
            self.user_properties.pop(key, None)
            self.user_changes[key] = REMOVED
            self._folded = None

    def _key(self, name: str) -> str:
        """The name as the sender wrote it, who may have used other upper and lower case."""
        if name in self.user_properties:
            return name
        if self._folded is None:
            self._folded = {
                key.casefold(): key for key in self.user_properties if isinstance(key, str)
            }
        return self._folded.get(name.casefold(), name)
