"""Error conditions of AMQP 1.0 and the faults that lead to them.

Sources: AMQP 1.0 transport 2.8.14-2.8.18 (error, amqp-error, connection-error, session-error,
link-error).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from servicebus_emulator.plain_data import Record

INTERNAL_ERROR: Final = "amqp:internal-error"
NOT_FOUND: Final = "amqp:not-found"
UNAUTHORIZED_ACCESS: Final = "amqp:unauthorized-access"
DECODE_ERROR: Final = "amqp:decode-error"
RESOURCE_LIMIT_EXCEEDED: Final = "amqp:resource-limit-exceeded"
NOT_ALLOWED: Final = "amqp:not-allowed"
INVALID_FIELD: Final = "amqp:invalid-field"
NOT_IMPLEMENTED: Final = "amqp:not-implemented"
RESOURCE_LOCKED: Final = "amqp:resource-locked"
PRECONDITION_FAILED: Final = "amqp:precondition-failed"
RESOURCE_DELETED: Final = "amqp:resource-deleted"
ILLEGAL_STATE: Final = "amqp:illegal-state"
FRAME_SIZE_TOO_SMALL: Final = "amqp:frame-size-too-small"

CONNECTION_FORCED: Final = "amqp:connection:forced"
FRAMING_ERROR: Final = "amqp:connection:framing-error"
CONNECTION_REDIRECT: Final = "amqp:connection:redirect"

WINDOW_VIOLATION: Final = "amqp:session:window-violation"
ERRANT_LINK: Final = "amqp:session:errant-link"
HANDLE_IN_USE: Final = "amqp:session:handle-in-use"
UNATTACHED_HANDLE: Final = "amqp:session:unattached-handle"

DETACH_FORCED: Final = "amqp:link:detach-forced"
TRANSFER_LIMIT_EXCEEDED: Final = "amqp:link:transfer-limit-exceeded"
MESSAGE_SIZE_EXCEEDED: Final = "amqp:link:message-size-exceeded"
LINK_REDIRECT: Final = "amqp:link:redirect"
STOLEN: Final = "amqp:link:stolen"


@dataclass(slots=True, eq=False, repr=False)
class AmqpError(Record):
    """The `error` type (transport 2.8.14): a condition, a text for people, a map for programs."""

    condition: str
    description: str = ""
    info: dict[Any, Any] = field(default_factory=dict)


class ProtocolError(Exception):
    """The peer broke the protocol; the connection has to be closed with `condition`."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(f"{condition}: {description}")
        self.condition = condition
        self.description = description


class DecodeError(ProtocolError):
    """Bytes that are no AMQP value, or a value of the wrong type for its field."""

    def __init__(self, description: str) -> None:
        super().__init__(DECODE_ERROR, description)


class FramingError(ProtocolError):
    """A frame header that cannot be believed: the stream has no known boundary any more."""

    def __init__(self, description: str) -> None:
        super().__init__(FRAMING_ERROR, description)


class SessionError(ProtocolError):
    """A fault that ends the session and leaves the connection open."""


class LinkError(ProtocolError):
    """A fault that detaches the link and leaves the session open."""


class EncodeError(ValueError):
    """A value that has no AMQP encoding."""


class StateError(RuntimeError):
    """A command of our own side that its endpoint cannot carry out in its present state."""
