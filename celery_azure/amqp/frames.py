"""AMQP frames: performatives to bytes, and bytes to performatives.

Source: OASIS AMQP 1.0, part 2 (transport), 2.3 for the layout and 2.7 for the performatives.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from celery_azure.amqp.codec import (
    CodecError,
    Described,
    Symbol,
    UByte,
    UInt,
    ULong,
    UShort,
    encode,
    encode_binary,
    encode_list,
    encode_uint,
)
from celery_azure.amqp.performatives import (
    ACCEPTED_CODE,
    ATTACH,
    BEGIN,
    CLOSE,
    DETACH,
    ERROR,
    ERRORS,
    FLOW,
    FRAMES,
    OPEN,
    PERFORMATIVES,
    RECEIVED_CODE,
    REJECTED_CODE,
    SASL_INIT,
    SASL_MECHANISMS,
    STATES,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
EMPTY_FRAME = b"\x00\x00\x00\x08\x02\x00\x00\x00"
MAX_FRAME_BYTES = 65_536

EMPTY = -1

_SOURCE, _TARGET = 0x28, 0x29
_U32 = struct.Struct(">I")
_AMQP, _SASL = b"\x02\x00\x00\x00", b"\x02\x01\x00\x00"
_BOOLEANS = (b"\x42", b"\x41")
_LONGEST_DESCRIPTION = 255
"""Bytes of what a peer is told of an error: with it, a frame is one that every peer takes."""

_SMALLEST_FRAME = 8
_SMALLEST_OFFSET = 2


class AmqpError(Exception):
    """What a peer says is wrong, or what became of a connection.

    Attributes:
        condition: The symbol, such as `amqp:not-found`.
        description: What the peer adds.
    """

    def __init__(self, condition: str, description: str = "", info: Any = None) -> None:
        super().__init__(condition, description)
        self.condition = condition
        self.description = description
        self.info = info

    def __str__(self) -> str:
        first = (self.description.splitlines() or [""])[0]
        return f"{self.condition}: {first}" if first else self.condition


class Frame(NamedTuple):
    """A performative: its code, its fields, and where the payload of a transfer begins."""

    code: int
    fields: list[Any]
    payload: bytes

    def field(self, index: int, default: Any = None) -> Any:
        """A field, or the default where the peer left it out."""
        value = self.fields[index] if index < len(self.fields) else None
        return default if value is None else value


# -- reading -------------------------------------------------------------------------------------


class FrameReader:
    """Cuts a stream of bytes into protocol headers and frames."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Frame | bytes]:
        """Give what has arrived whole: frames, and protocol headers as their eight bytes.

        Raises:
            CodecError: The bytes are no AMQP.
        """
        if self._rest:
            data = self._rest + data
        at, size = 0, len(data)
        while size - at >= _SMALLEST_FRAME:
            if data.startswith(b"AMQP", at):
                yield data[at : at + 8]
                at += 8
                continue
            length = _U32.unpack_from(data, at)[0]
            if length < _SMALLEST_FRAME or length > MAX_FRAME_BYTES:
                raise CodecError(f"a frame of {length} bytes")
            if size - at < length:
                break
            yield _frame(data, at, at + length)
            at += length
        self._rest = data[at:]


def _frame(data: bytes, start: int, end: int) -> Frame:
    offset, kind = data[start + 4], data[start + 5]
    at = start + 4 * offset
    if offset < _SMALLEST_OFFSET or at > end:
        raise CodecError(f"a frame of {end - start} bytes whose body begins at {at - start}")
    if at == end:
        return Frame(EMPTY, [], b"")
    code, fields, behind = FRAMES.read(data, at)
    if behind > end:
        raise CodecError("a performative that does not end within its frame")
    if kind != (code >= SASL_MECHANISMS):
        raise CodecError(f"a frame of type {kind} with performative 0x{code:x}")
    return Frame(code, PERFORMATIVES[code].check(fields), data[behind:end])


def error_of(value: Described | None) -> AmqpError | None:
    """The error in a close, end, detach or rejected.

    Raises:
        CodecError: It is something else.
    """
    if value is None:
        return None
    ERRORS.code(value.descriptor)
    condition, description, info = (*ERROR.check(value.value), None, None)[:3]
    return AmqpError(condition, description or "", info)


class Outcome(NamedTuple):
    """What became of a delivery: the code of the state, and the error of a rejection."""

    code: int
    error: AmqpError | None = None

    @property
    def is_accepted(self) -> bool:
        """Whether the receiver took it."""
        return self.code == ACCEPTED_CODE


SETTLED = Outcome(ACCEPTED_CODE)
"""That of a settlement which the other end has confirmed without a word."""


def outcome_of(state: Described | None) -> Outcome | None:
    """The outcome in a disposition; None when it has none yet.

    Raises:
        CodecError: It is no state of a delivery.
    """
    if state is None:
        return None
    code = STATES.code(state.descriptor)
    if code == RECEIVED_CODE:  # how far it has come, no outcome
        return None
    if code != REJECTED_CODE:
        return Outcome(code)
    fields = state.value
    if type(fields) is not list or (fields and type(fields[0]) not in {Described, type(None)}):
        raise CodecError("a rejection that is none")
    return Outcome(code, error_of(fields[0]) if fields else None)


# -- writing -------------------------------------------------------------------------------------

ACCEPTED = b"\x00\x53\x24\x45"
RELEASED = b"\x00\x53\x26\x45"


def modified(*, undeliverable_here: bool = False) -> bytes:
    """The outcome that counts as a failed delivery: abandon, or defer."""
    return b"\x00\x53\x27" + encode_list([b"\x41", _BOOLEANS[undeliverable_here]])


def dead_lettered(reason: str, description: str) -> bytes:
    """The outcome by which Service Bus moves a message to the dead-letter queue."""
    info = {Symbol("DeadLetterReason"): reason, Symbol("DeadLetterErrorDescription"): description}
    error = [encode(Symbol("com.microsoft:dead-letter")), encode(description), encode(info)]
    return b"\x00\x53\x25" + encode_list([b"\x00\x53\x1d" + encode_list(error)])


def _performative(code: int, *fields: Any, kind: bytes = _AMQP) -> bytes:
    written = [field if isinstance(field, bytes) else encode(field) for field in fields]
    while written and written[-1] == b"\x40":
        written.pop()
    body = b"\x00\x53" + bytes((code,)) + encode_list(written)
    return _U32.pack(len(body) + 8) + kind + body


def sasl_init(mechanism: str, response: bytes, hostname: str) -> bytes:
    """Choose how to sign in."""
    fields = Symbol(mechanism), encode_binary(response), hostname
    return _performative(SASL_INIT, *fields, kind=_SASL)


def open_(container_id: str, hostname: str, idle_milliseconds: int) -> bytes:
    """Open the connection."""
    properties = {Symbol("product"): "celery-azure"}
    sizes = UInt(MAX_FRAME_BYTES), UShort(0), UInt(idle_milliseconds)
    return _performative(OPEN, container_id, hostname, *sizes, *[None] * 4, properties)


def begin(incoming_window: int, outgoing_window: int, handle_max: int) -> bytes:
    """Begin the session."""
    windows = UInt(incoming_window), UInt(outgoing_window)
    return _performative(BEGIN, None, UInt(0), *windows, UInt(handle_max))


class Attach(NamedTuple):
    """What a link asks for when it attaches."""

    name: str
    handle: int
    is_receiver: bool
    source: str
    target: str
    sender_settles: bool = False
    properties: dict[Any, Any] | None = None
    max_message_size: int = 0

    def to_bytes(self) -> bytes:
        """Write the frame; the outcomes that a receiver understands are part of its source."""
        source = encode(Described(ULong(_SOURCE), [self.source]))
        target = encode(Described(ULong(_TARGET), [self.target]))
        confirmed = self.is_receiver and not self.sender_settles
        modes = UByte(1 if self.sender_settles else 0), UByte(1 if confirmed else 0)
        count = None if self.is_receiver else UInt(0)
        head = self.name, UInt(self.handle), self.is_receiver, *modes, source, target
        largest = ULong(self.max_message_size) if self.max_message_size else None
        return _performative(ATTACH, *head, None, None, count, largest, None, None, self.properties)


def flow(
    session: tuple[int, int, int, int],
    link: tuple[int, int, int, bool] | None,
    *,
    echo: bool = False,
) -> bytes:
    """Tell the session's windows, and a link's handle, delivery count, credit and drain.

    With `echo`, the peer is asked to tell its own.
    """
    fields: list[Any] = [encode_uint(number) for number in session]
    if echo:
        fields += [None] * 5 + [True]
    elif link is not None:
        handle, count, credit, drain = link
        fields += [encode_uint(handle), encode_uint(count), encode_uint(credit), None, drain]
    return _performative(FLOW, *fields)


def transfer(
    head: tuple[int, int, bytes, int], *, settled: bool, more: bool, payload: bytes
) -> bytes:
    """Send (a part of) a delivery; `head` is handle, delivery-id, delivery-tag and format."""
    handle, delivery_id, tag, message_format = head
    body = b"\x00\x53\x14" + encode_list(
        [
            encode_uint(handle),
            encode_uint(delivery_id),
            encode_binary(tag),
            encode_uint(message_format),
            _BOOLEANS[settled],
            _BOOLEANS[more],
        ]
    )
    return _U32.pack(len(body) + len(payload) + 8) + _AMQP + body + payload


def disposition(*, is_receiver: bool, first: int, last: int, settled: bool, state: bytes) -> bytes:
    """Tell the outcome of deliveries; `state` is encoded already."""
    last_field = b"\x40" if last == first else encode_uint(last)
    body = b"\x00\x53\x15" + encode_list(
        [_BOOLEANS[is_receiver], encode_uint(first), last_field, _BOOLEANS[settled], state]
    )
    return _U32.pack(len(body) + 8) + _AMQP + body


def detach(handle: int, error: AmqpError | None = None) -> bytes:
    """Close a link."""
    return _performative(DETACH, UInt(handle), True, _error(error))


def close(error: AmqpError | None = None) -> bytes:
    """Close the connection."""
    return _performative(CLOSE, _error(error))


def _error(error: AmqpError | None) -> bytes | None:
    if error is None:
        return None
    description = error.description.encode(errors="replace")[:_LONGEST_DESCRIPTION]
    fields = [encode(Symbol(error.condition)), encode(description.decode(errors="ignore"))]
    return b"\x00\x53\x1d" + encode_list(fields)
