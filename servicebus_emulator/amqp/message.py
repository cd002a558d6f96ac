"""What the sections of a message say, read and written (AMQP 1.0 messaging 3.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from servicebus_emulator.amqp import usual
from servicebus_emulator.amqp.codec import decode_at, encode, encode_into, skip_at
from servicebus_emulator.amqp.composites import (
    ANY,
    BINARY,
    BOOLEAN,
    STRING,
    SYMBOL,
    TIMESTAMP,
    UBYTE,
    UINT,
    Schema,
)
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.sections import (
    APPLICATION_PROPERTIES,
    DATA,
    DELIVERY_ANNOTATIONS,
    DESCRIPTOR_SIZE,
    FOOTER,
    HEADER,
    MESSAGE_ANNOTATIONS,
    PROPERTIES,
    SEQUENCE,
    USUAL_DESCRIPTOR,
    VALUE,
    find_sections,
)
from servicebus_emulator.amqp.types import Described
from servicebus_emulator.amqp.usual import read_fields
from servicebus_emulator.plain_data import Record


@dataclass(slots=True, eq=False, repr=False)
class Header(Record):
    """Transport properties of a message (3.2.1). `ttl` in milliseconds."""

    durable: bool = False
    priority: int = 4
    ttl: int | None = None
    first_acquirer: bool = False
    delivery_count: int = 0


@dataclass(slots=True, eq=False, repr=False)
class Properties(Record):
    """Immutable properties (3.2.4). `message_id` and `correlation_id` keep their AMQP type.

    Times are milliseconds since the epoch, UTC.
    """

    message_id: Any = None
    user_id: bytes | None = None
    to: str | None = None
    subject: str | None = None
    reply_to: str | None = None
    correlation_id: Any = None
    content_type: str | None = None
    content_encoding: str | None = None
    absolute_expiry_time: int | None = None
    creation_time: int | None = None
    group_id: str | None = None
    group_sequence: int | None = None
    reply_to_group_id: str | None = None


_HEADER_SCHEMA = Schema(
    HEADER,
    Header,
    durable=BOOLEAN,
    priority=UBYTE,
    ttl=UINT,
    first_acquirer=BOOLEAN,
    delivery_count=UINT,
)
_PROPERTIES_SCHEMA = Schema(
    PROPERTIES,
    Properties,
    message_id=ANY,
    user_id=BINARY,
    to=STRING,
    subject=STRING,
    reply_to=STRING,
    correlation_id=ANY,
    content_type=SYMBOL,
    content_encoding=SYMBOL,
    absolute_expiry_time=TIMESTAMP,
    creation_time=TIMESTAMP,
    group_id=STRING,
    group_sequence=UINT,
    reply_to_group_id=STRING,
)


_USUAL_PROPERTIES_START = USUAL_DESCRIPTOR + bytes((PROPERTIES,))
_USUAL_DATA_START = USUAL_DESCRIPTOR + bytes((DATA,))
_USUAL_PROPERTIES = (
    usual.TEXT,  # message-id
    usual.NOTHING,  # user-id
    usual.TEXT,  # to
    usual.TEXT,  # subject
    usual.TEXT,  # reply-to
    usual.TEXT,  # correlation-id
    usual.SYMBOL,  # content-type
    usual.SYMBOL,  # content-encoding
    usual.NOTHING,  # absolute-expiry-time
    usual.NOTHING,  # creation-time
    usual.TEXT,  # group-id
    usual.NUMBER,  # group-sequence
    usual.TEXT,  # reply-to-group-id
)


@dataclass(slots=True, eq=False, repr=False)
class BareMessage(Record):
    """A decoded bare message, as request/response nodes read and write it.

    Attributes:
        properties: section 3.2.4, None when absent.
        application_properties: empty when absent.
        data: the data sections' contents, for a data body.
        sequences: the amqp-sequence sections' lists.
        value: the amqp-value, when `has_value`.
        has_value: the body is an amqp-value section, perhaps null.
        footer: empty when absent.
    """

    properties: Properties | None = None
    application_properties: dict[Any, Any] = field(default_factory=dict)
    data: list[bytes] = field(default_factory=list)
    sequences: list[list[Any]] = field(default_factory=list)
    value: Any = None
    has_value: bool = False
    footer: dict[Any, Any] = field(default_factory=dict)


def join(
    header: Header | None,
    delivery_annotations: dict[Any, Any] | None,
    message_annotations: dict[Any, Any] | None,
    bare: bytes,
) -> bytes:
    """Encode a message from a bare message as it came and new sections before it.

    Raises:
        EncodeError: a value without AMQP type.
    """
    out = bytearray()
    if header is not None:
        encode_into(out, _described_header(header))
    if delivery_annotations is not None:
        _put_section(out, DELIVERY_ANNOTATIONS, delivery_annotations)
    if message_annotations:
        _put_section(out, MESSAGE_ANNOTATIONS, message_annotations)
    out += bare
    return bytes(out)


def _described_header(header: Header) -> Described:
    """The wire form, in which null stands for whatever that means anyway, but for the count."""
    described, usual = map(_HEADER_SCHEMA.describe, (header, Header()))
    *fields, count = zip(described.value, usual.value, strict=True)
    brief = [None if value == default else value for value, default in fields]
    return Described(described.descriptor, [*brief, count[0]])


def _put_section(out: bytearray, code: int, value: Any) -> None:
    out += USUAL_DESCRIPTOR + bytes((code,))
    encode_into(out, value)


def decode_header(section: bytes) -> Header:
    """Decode `Sections.header`; defaults when it is empty.

    Raises:
        DecodeError: impossible fields.
    """
    for _, _, value, _ in find_sections(section):
        return _HEADER_SCHEMA.build(decode_at(section, value)[0])
    return Header()


def decode_annotations(section: bytes) -> dict[Any, Any]:
    """Decode an annotations section to a map; empty when it is empty.

    Raises:
        DecodeError: no map.
    """
    for _, _, value, _ in find_sections(section):
        return _map(section, value)
    return {}


def _map(data: bytes, position: int) -> dict[Any, Any]:
    value, _ = decode_at(data, position)
    if not isinstance(value, dict):
        raise DecodeError("a section that has to be a map is none")
    return value


def decode_properties(bare: bytes) -> Properties:
    """Decode only the properties of `Sections.bare`; all None when absent.

    Raises:
        DecodeError: impossible fields.
    """
    for code, _, value, _ in find_sections(bare):
        if code == PROPERTIES:
            return _PROPERTIES_SCHEMA.build(decode_at(bare, value)[0])
        break
    return Properties()


def decode_identity(bare: bytes) -> tuple[Any, str | None]:
    """Decode only message-id and group-id of `Sections.bare`; None for each that is absent.

    Raises:
        DecodeError: impossible fields, of these or the others.
    """
    if bare.startswith(_USUAL_PROPERTIES_START):
        found = read_fields(bare, DESCRIPTOR_SIZE, len(bare), _USUAL_PROPERTIES)
        if found is not None:
            return found[0][0], found[0][10]
    properties = decode_properties(bare)
    return properties.message_id, properties.group_id


def identity_of_plain(payload: bytes) -> tuple[str, str | None] | None:
    """Decode only message-id and group-id of a message of properties and one data section.

    Most are like that. None for any other, for one without a message-id, and for one that is not
    written as usual: `split` and `decode_identity` know them all.

    Raises:
        DecodeError: the data section is cut off.
    """
    if not payload.startswith(_USUAL_PROPERTIES_START):
        return None
    end = len(payload)
    found = read_fields(payload, DESCRIPTOR_SIZE, end, _USUAL_PROPERTIES)
    if found is None:
        return None
    fields, body = found
    identity = fields[0]
    if identity is None or not payload.startswith(_USUAL_DATA_START, body):
        return None
    return (identity, fields[10]) if skip_at(payload, body + DESCRIPTOR_SIZE) == end else None


def decode_application_properties(bare: bytes) -> dict[Any, Any]:
    """Decode only the application-properties of `Sections.bare`; empty when absent.

    Raises:
        DecodeError: no map.
    """
    for code, _, value, _ in find_sections(bare):
        if code == APPLICATION_PROPERTIES:
            return _map(bare, value)
    return {}


def data_sections(bare: bytes) -> list[bytes]:
    """Return the contents of the data sections: for a batch, its messages.

    Raises:
        DecodeError: a data section that is no binary.
    """
    return [_binary(bare, value) for code, _, value, _ in find_sections(bare) if code == DATA]


def _binary(data: bytes, position: int) -> bytes:
    value, _ = decode_at(data, position)
    if not isinstance(value, bytes):
        raise DecodeError("a data section holds no binary")
    return value


def decode_bare(bare: bytes) -> BareMessage:
    """Decode `Sections.bare` entirely.

    Raises:
        DecodeError: a section with impossible contents.
    """
    message = BareMessage()
    for code, _, start, _ in find_sections(bare):
        if code == PROPERTIES:
            message.properties = _PROPERTIES_SCHEMA.build(decode_at(bare, start)[0])
        elif code == APPLICATION_PROPERTIES:
            message.application_properties = _map(bare, start)
        elif code == FOOTER:
            message.footer = _map(bare, start)
        else:
            _take_body(message, code, bare, start)
    return message


def _take_body(message: BareMessage, code: int, bare: bytes, start: int) -> None:
    if code == DATA:
        message.data.append(_binary(bare, start))
        return
    value, _ = decode_at(bare, start)
    if code == VALUE:
        message.value = value
        message.has_value = True
    elif code == SEQUENCE and isinstance(value, list):
        message.sequences.append(value)
    else:
        raise DecodeError(f"section 0x{code:02x} is no part of a bare message")


def encode_bare(message: BareMessage) -> bytes:
    """Encode a bare message.

    Raises:
        EncodeError: a value without AMQP type.
    """
    out = bytearray()
    if message.properties is not None:
        out += encode(_PROPERTIES_SCHEMA.describe(message.properties))
    if message.application_properties:
        _put_section(out, APPLICATION_PROPERTIES, message.application_properties)
    for data in message.data:
        _put_section(out, DATA, data)
    for sequence in message.sequences:
        _put_section(out, SEQUENCE, sequence)
    if message.has_value:
        _put_section(out, VALUE, message.value)
    if message.footer:
        _put_section(out, FOOTER, message.footer)
    return bytes(out)
