"""Performatives and SASL frames to frame bodies and back.

The three that every message costs (transfer, disposition, flow) have hand-made encoders or
decoders beside the general way (`fast_paths.py`, `usual.py`); what these do not recognise goes the
general way.
"""

from __future__ import annotations

from typing import Any

from servicebus_emulator.amqp.codec import decode_at, encode
from servicebus_emulator.amqp.composites import (
    BINARY,
    BOOLEAN,
    DESCRIBED,
    ERROR,
    MAP,
    STRING,
    SYMBOL,
    SYMBOLS,
    UBYTE,
    UINT,
    ULONG,
    USHORT,
    Kind,
    Schema,
    nullable,
)
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.performatives import (
    Attach,
    Begin,
    Close,
    Detach,
    Disposition,
    End,
    Flow,
    Open,
    Source,
    Target,
    Transfer,
)
from servicebus_emulator.amqp.sasl_frames import (
    SaslChallenge,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    SaslResponse,
)
from servicebus_emulator.amqp.types import Described, ULong
from servicebus_emulator.amqp.usual import READERS

#: Frames of a session's links (the frequent ones first), and all.
LinkFrame = Attach | Flow | Transfer | Disposition | Detach
LINK_FRAMES = (Transfer, Disposition, Flow, Attach, Detach)
Performative = Open | Begin | LinkFrame | End | Close
SaslFrame = SaslMechanisms | SaslInit | SaslChallenge | SaslResponse | SaslOutcome

SOURCE = Schema(
    0x28,
    Source,
    address=STRING,
    durable=UINT,
    expiry_policy=SYMBOL,
    timeout=UINT,
    dynamic=BOOLEAN,
    dynamic_node_properties=MAP,
    distribution_mode=SYMBOL,
    filter=MAP,
    default_outcome=DESCRIBED,
    outcomes=SYMBOLS,
    capabilities=SYMBOLS,
)
TARGET = Schema(
    0x29,
    Target,
    address=STRING,
    durable=UINT,
    expiry_policy=SYMBOL,
    timeout=UINT,
    dynamic=BOOLEAN,
    dynamic_node_properties=MAP,
    capabilities=SYMBOLS,
)


def _read_target(value: Any) -> Target | Described:
    if TARGET.matches(value):
        return TARGET.build(value.value)
    if not isinstance(value, Described):
        raise TypeError("not a described target")
    return value


def _write_target(value: Target | Described) -> Described:
    return value if isinstance(value, Described) else TARGET.describe(value)


_ERROR = ERROR.kind()

PERFORMATIVES: tuple[Schema[Any], ...] = (
    Schema(
        0x10,
        Open,
        container_id=STRING,
        hostname=STRING,
        max_frame_size=UINT,
        channel_max=USHORT,
        idle_time_out=UINT,
        outgoing_locales=SYMBOLS,
        incoming_locales=SYMBOLS,
        offered_capabilities=SYMBOLS,
        desired_capabilities=SYMBOLS,
        properties=MAP,
    ),
    Schema(
        0x11,
        Begin,
        remote_channel=nullable(USHORT),
        next_outgoing_id=UINT,
        incoming_window=UINT,
        outgoing_window=UINT,
        handle_max=UINT,
        offered_capabilities=SYMBOLS,
        desired_capabilities=SYMBOLS,
        properties=MAP,
    ),
    Schema(
        0x12,
        Attach,
        name=STRING,
        handle=UINT,
        role=BOOLEAN,
        snd_settle_mode=UBYTE,
        rcv_settle_mode=UBYTE,
        source=SOURCE.kind(),
        target=Kind(_read_target, _write_target),
        unsettled=MAP,
        incomplete_unsettled=BOOLEAN,
        initial_delivery_count=UINT,
        max_message_size=ULONG,
        offered_capabilities=SYMBOLS,
        desired_capabilities=SYMBOLS,
        properties=MAP,
    ),
    Schema(
        0x13,
        Flow,
        next_incoming_id=nullable(UINT),
        incoming_window=UINT,
        next_outgoing_id=UINT,
        outgoing_window=UINT,
        handle=UINT,
        delivery_count=UINT,
        link_credit=UINT,
        available=UINT,
        drain=BOOLEAN,
        echo=BOOLEAN,
        properties=MAP,
    ),
    Schema(
        0x14,
        Transfer,
        handle=UINT,
        delivery_id=UINT,
        delivery_tag=BINARY,
        message_format=UINT,
        settled=BOOLEAN,
        more=BOOLEAN,
        rcv_settle_mode=UBYTE,
        state=DESCRIBED,
        resume=BOOLEAN,
        aborted=BOOLEAN,
        batchable=BOOLEAN,
    ),
    Schema(
        0x15,
        Disposition,
        role=BOOLEAN,
        first=UINT,
        last=UINT,
        settled=BOOLEAN,
        state=DESCRIBED,
        batchable=BOOLEAN,
    ),
    Schema(0x16, Detach, handle=UINT, closed=BOOLEAN, error=_ERROR),
    Schema(0x17, End, error=_ERROR),
    Schema(0x18, Close, error=_ERROR),
)
SASL_FRAMES: tuple[Schema[Any], ...] = (
    Schema(0x40, SaslMechanisms, mechanisms=SYMBOLS),
    Schema(0x41, SaslInit, mechanism=SYMBOL, initial_response=BINARY, hostname=STRING),
    Schema(0x42, SaslChallenge, challenge=BINARY),
    Schema(0x43, SaslResponse, response=BINARY),
    Schema(0x44, SaslOutcome, code=UBYTE, additional_data=BINARY),
)

_PERFORMATIVES = {schema.code: schema for schema in PERFORMATIVES}
_SASL_FRAMES = {schema.code: schema for schema in SASL_FRAMES}
_SCHEMAS = {schema.cls: schema for schema in PERFORMATIVES + SASL_FRAMES}

_SMALL_ULONG = 0x53
_DESCRIPTOR_SIZE = 3  # of a small ulong


def encode_body(value: Performative | SaslFrame) -> bytes:
    """Encode a frame body without payload.

    Raises:
        EncodeError: a field out of its type's range.
    """
    return encode(_SCHEMAS[type(value)].describe(value))


def decode_performative(data: bytes, start: int, end: int) -> tuple[Performative, int]:
    """Decode the performative in `data[start:end]`; return it and where its payload starts.

    Raises:
        DecodeError: none of the nine, or with impossible fields.
    """
    if end - start > _DESCRIPTOR_SIZE and data[start + 1] == _SMALL_ULONG and data[start] == 0:
        reader = READERS.get(data[start + 2])
        quick = None if reader is None else reader(data, start + _DESCRIPTOR_SIZE, end)
        if quick is not None:
            return quick
    return _decode_body(data, start, end, _PERFORMATIVES)


def decode_sasl_frame(data: bytes, start: int, end: int) -> SaslFrame:
    """Decode the SASL frame body in `data[start:end]`.

    Raises:
        DecodeError: none of the five, or with impossible fields.
    """
    frame: SaslFrame
    frame, _ = _decode_body(data, start, end, _SASL_FRAMES)
    return frame


def _decode_body(
    data: bytes, start: int, end: int, schemas: dict[int, Schema[Any]]
) -> tuple[Any, int]:
    described, position = decode_at(data, start)
    if position > end:
        raise DecodeError("the frame ends inside its body")
    schema = None
    if isinstance(described, Described) and isinstance(described.descriptor, ULong):
        schema = schemas.get(described.descriptor)
    if schema is None:
        raise DecodeError("a frame body that is no performative")
    return schema.build(described.value), position
