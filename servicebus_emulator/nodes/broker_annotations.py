"""The annotations that the broker writes on every message, and how they look when it writes alone.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from servicebus_emulator.amqp.codec import encode
from servicebus_emulator.amqp.types import Int, Symbol, Timestamp

if TYPE_CHECKING:
    from typing import Any

    from servicebus_emulator.broker.message import Lock, Message

ENQUEUED: Final = Symbol("x-opt-enqueued-time")
SEQUENCE_NUMBER: Final = Symbol("x-opt-sequence-number")
ENQUEUE_SEQUENCE_NUMBER: Final = Symbol("x-opt-enqueue-sequence-number")
STATE: Final = Symbol("x-opt-message-state")
LOCKED_UNTIL: Final = Symbol("x-opt-locked-until")
LOCK_TOKEN: Final = Symbol("x-opt-lock-token")


def milliseconds(seconds: float) -> Timestamp:
    """Seconds since the epoch as AMQP counts them."""
    return Timestamp(round(seconds * 1000))


def annotations_of(message: Message, lock: Lock | None) -> dict[Any, Any]:
    """The message annotations that are the broker's; `lock` is what the receiver may know of."""
    annotations: dict[Any, Any] = {
        ENQUEUED: milliseconds(message.enqueued_at),
        SEQUENCE_NUMBER: message.sequence_number,
        ENQUEUE_SEQUENCE_NUMBER: message.origin_sequence_number or message.sequence_number,
        STATE: Int(message.state),
    }
    if lock is not None:
        annotations[LOCKED_UNTIL] = milliseconds(lock.until)
    return annotations


def encode_sections(message: Message, lock: Lock | None) -> bytes:
    """Encode the annotations of a message whose sender wrote none.

    Equal in value to the map of `annotations_of`, and one with the lock token before it; written
    in one step, since every delivery costs it.
    """
    number = message.sequence_number
    fields = (
        _ENQUEUED,
        round(message.enqueued_at * 1000),
        _SEQUENCE,
        number,
        _ORIGIN,
        message.origin_sequence_number or number,
        _STATE,
        message.state,
    )
    if lock is None:
        return _UNLOCKED.pack(_START, *fields)
    until = round(lock.until * 1000)
    return _LOCKED.pack(_TOKEN_START, lock.token.bytes, _LOCKED_START, *fields, _UNTIL, until)


def _section(code: int, values: int, content: int) -> bytes:
    """Begin a section (00 53 code) whose value is a map8."""
    return bytes((0x00, 0x53, code, 0xC1, content + 1, values))


# Each name with the constructor of what follows it: timestamp, long, int, uuid.
_ENQUEUED, _SEQUENCE, _ORIGIN, _STATE, _UNTIL, _TOKEN = (
    encode(name) + bytes((constructor,))
    for name, constructor in (
        (ENQUEUED, 0x83),
        (SEQUENCE_NUMBER, 0x81),
        (ENQUEUE_SEQUENCE_NUMBER, 0x81),
        (STATE, 0x71),
        (LOCKED_UNTIL, 0x83),
        (LOCK_TOKEN, 0x98),
    )
)
_FIELDS = f"{len(_ENQUEUED)}sq{len(_SEQUENCE)}sq{len(_ORIGIN)}sq{len(_STATE)}si"
_LOCKED_FIELDS = f"{_FIELDS}{len(_UNTIL)}sq"
_TOKEN_START = _section(0x71, 2, len(_TOKEN) + 16) + _TOKEN
_START = _section(0x72, 8, struct.calcsize(f">{_FIELDS}"))
_LOCKED_START = _section(0x72, 10, struct.calcsize(f">{_LOCKED_FIELDS}"))
_UNLOCKED = struct.Struct(f">{len(_START)}s{_FIELDS}")
_LOCKED = struct.Struct(f">{len(_TOKEN_START)}s16s{len(_LOCKED_START)}s{_LOCKED_FIELDS}")
