"""The annotations that the broker writes on every message, and how they look when it writes alone.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from servicebus_emulator.amqp.codec import encode
from servicebus_emulator.amqp.types import Int, Symbol, Timestamp
from servicebus_emulator.broker.message import MessageState

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
    """The message annotations that are the broker's; `lock` is what the receiver may know of.

    What goes without saying is left out, as the service does: that a message is active, and the
    number in another entity of one that came from none.
    """
    annotations: dict[Any, Any] = {
        ENQUEUED: milliseconds(message.enqueued_at),
        SEQUENCE_NUMBER: message.sequence_number,
    }
    if message.origin_sequence_number:
        annotations[ENQUEUE_SEQUENCE_NUMBER] = message.origin_sequence_number
    if message.state is not MessageState.ACTIVE:
        annotations[STATE] = Int(message.state)
    if lock is not None:
        annotations[LOCKED_UNTIL] = milliseconds(lock.until)
    return annotations


def encode_sections(message: Message, lock: Lock | None) -> bytes | None:
    """Encode the annotations of an active message whose sender wrote none; None for another.

    Equal in value to the map of `annotations_of`, and one with the lock token before it; written
    in one step, since every delivery costs it.
    """
    if message.state is not MessageState.ACTIVE:
        return None
    fields: list[bytes | int] = [
        _ENQUEUED,
        round(message.enqueued_at * 1000),
        _SEQUENCE,
        message.sequence_number,
    ]
    origin = message.origin_sequence_number
    if origin:
        fields += (_ORIGIN, origin)
    if lock is None:
        start, layout = _COPY if origin else _OWN
        return _NO_TOKEN + layout.pack(start, *fields)
    fields += (_UNTIL, round(lock.until * 1000))
    start, layout = _LOCKED_COPY if origin else _LOCKED
    return _TOKEN_START + lock.token.bytes + layout.pack(start, *fields)


def _layout(*names: bytes) -> tuple[bytes, struct.Struct]:
    """Message annotations with these names, and values of eight bytes: how they begin, and lie."""
    fields = "".join(f"{len(name)}sq" for name in names)
    start = _section(0x72, 2 * len(names), struct.calcsize(f">{fields}"))
    return start, struct.Struct(f">{len(start)}s{fields}")


def _section(code: int, values: int, content: int) -> bytes:
    """Begin a section (00 53 code) whose value is a map8."""
    return bytes((0x00, 0x53, code, 0xC1, content + 1, values))


# Each name with the constructor of what follows it: timestamp, long, uuid.
_ENQUEUED, _SEQUENCE, _ORIGIN, _UNTIL, _TOKEN = (
    encode(name) + bytes((constructor,))
    for name, constructor in (
        (ENQUEUED, 0x83),
        (SEQUENCE_NUMBER, 0x81),
        (ENQUEUE_SEQUENCE_NUMBER, 0x81),
        (LOCKED_UNTIL, 0x83),
        (LOCK_TOKEN, 0x98),
    )
)
_TOKEN_START = _section(0x71, 2, len(_TOKEN) + 16) + _TOKEN
_NO_TOKEN = _section(0x71, 0, 0)
_OWN = _layout(_ENQUEUED, _SEQUENCE)
_COPY = _layout(_ENQUEUED, _SEQUENCE, _ORIGIN)
_LOCKED = _layout(_ENQUEUED, _SEQUENCE, _UNTIL)
_LOCKED_COPY = _layout(_ENQUEUED, _SEQUENCE, _ORIGIN, _UNTIL)
