"""Service Bus messages: sections to bytes, and bytes to sections.

Source: OASIS AMQP 1.0, part 3.2 (message format); the annotations are Service Bus' own,
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery_azure.amqp.codec import (
    CodecError,
    UByte,
    encode,
    encode_binary,
    encode_list,
    encode_map,
    encode_string,
    encode_symbol,
    encode_timestamp,
    encode_uint,
)
from celery_azure.amqp.composites import (
    ANYTHING,
    FLAG,
    TEXT,
    UBYTE,
    UINT,
    Catalogue,
    Composite,
    Kind,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BATCH_FORMAT = 0x80013700
"""The message format of a delivery whose data sections are messages of their own."""

_HEADER, _ANNOTATIONS, _PROPERTIES, _APPLICATION = 0x70, 0x72, 0x73, 0x74
_DELIVERY_ANNOTATIONS, _DATA, _SEQUENCE, _VALUE, _FOOTER = 0x71, 0x75, 0x76, 0x77, 0x78
_ID = Kind((str, int, bytes, UUID))
_HEADER_FIELDS = Composite(
    _HEADER,
    "amqp:header:list",
    {
        "durable": FLAG,
        "priority": UBYTE,
        "ttl": UINT,
        "first-acquirer": FLAG,
        "delivery-count": UINT,
    },
)
_PROPERTIES_FIELDS = Composite(
    _PROPERTIES,
    "amqp:properties:list",
    {
        "message-id": _ID,
        "user-id": ANYTHING,
        "to": ANYTHING,
        "subject": TEXT,
        "reply-to": TEXT,
        "correlation-id": _ID,
        "content-type": TEXT,
        "content-encoding": TEXT,
    },
)
_SECTIONS = Catalogue(
    {
        _HEADER: _HEADER_FIELDS.name,
        _DELIVERY_ANNOTATIONS: "amqp:delivery-annotations:map",
        _ANNOTATIONS: "amqp:message-annotations:map",
        _PROPERTIES: _PROPERTIES_FIELDS.name,
        _APPLICATION: "amqp:application-properties:map",
        _DATA: "amqp:data:binary",
        _SEQUENCE: "amqp:amqp-sequence:list",
        _VALUE: "amqp:amqp-value:*",
        _FOOTER: "amqp:footer:map",
    },
    missing="a message with something between its sections",
)
_TEXTS = frozenset({str})
_LOCK_TOKEN = b"\x00\x53\x71\xc1\x24\x02\xa3\x10x-opt-lock-token\x98"
"""How delivery annotations begin that hold nothing but a UUID: the delivery's tag once more."""

_LOCK_TOKEN_BYTES = len(_LOCK_TOKEN) + 16
_LONGEST_TTL = 0xFFFFFFFF
_NULL = b"\x40"
_SCHEDULED = encode_symbol("x-opt-scheduled-enqueue-time")

FIRST_COPY = "first-copy"
"""The application property of a message of which there is no other, as far as its sender knows; who
sends it again leaves the property out."""


@dataclass(slots=True)
class Message:
    """A message to send.

    Attributes:
        ttl: Milliseconds to live, from the moment at which it is enqueued. More than AMQP can say
            (49 days) are said as none: rather for too long than lost too early.
        scheduled: When it is to be enqueued: milliseconds since 1970.
        value: The body as an AMQP value, for requests; None for `body` as data.
    """

    body: bytes = b""
    message_id: Any = None
    subject: str | None = None
    reply_to: str | None = None
    correlation_id: str | None = None
    content_type: str | None = None
    content_encoding: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    ttl: int | None = None
    priority: int = 0
    scheduled: int | None = None
    value: Any = None

    def to_bytes(self) -> bytes:
        """Write the sections.

        Raises:
            CodecError: A property has no AMQP type.
        """
        parts = []
        if self.ttl is not None or self.priority:
            parts.append(b"\x00\x53\x70" + encode_list(self._header()))
        if self.scheduled is not None:
            parts.append(encode_scheduled(self.scheduled))
        parts.append(b"\x00\x53\x73" + encode_list(self._properties()))
        if self.properties:
            parts.append(_encode_application(self.properties))
        if self.value is None:
            parts.append(encode_data(self.body))
        else:
            parts.append(b"\x00\x53\x77" + encode(self.value))
        return b"".join(parts)

    def _header(self) -> list[bytes]:
        priority = encode(UByte(self.priority)) if self.priority else _NULL
        if self.ttl is None or self.ttl > _LONGEST_TTL:
            return [b"\x41", priority]
        return [b"\x41", priority, encode_uint(self.ttl)]

    def _properties(self) -> list[bytes]:
        fields = [
            _NULL if self.message_id is None else encode(self.message_id),
            _NULL,
            _NULL,
            _NULL if self.subject is None else encode_string(self.subject),
            _NULL if self.reply_to is None else encode_string(self.reply_to),
            _NULL if self.correlation_id is None else encode_string(self.correlation_id),
            _NULL if self.content_type is None else encode_symbol(self.content_type),
            _NULL if self.content_encoding is None else encode_symbol(self.content_encoding),
        ]
        while fields and fields[-1] == _NULL:
            fields.pop()
        return fields


def as_copy(payload: bytes) -> bytes:
    """An encoded message as it is sent again: without the mark of the first copy.

    What is no message stays as it is; the broker will say so.
    """
    at = 0
    with suppress(CodecError):
        while at < len(payload):
            code, value, behind = _SECTIONS.read(payload, at)
            if code == _APPLICATION and FIRST_COPY in _map(value):
                properties = {name: one for name, one in value.items() if name != FIRST_COPY}
                return payload[:at] + _encode_application(properties) + payload[behind:]
            if code >= _APPLICATION:
                break
            at = behind
    return payload


def _encode_application(properties: dict[str, Any]) -> bytes:
    pairs = [encode(part) for pair in properties.items() for part in pair]
    return b"\x00\x53\x74" + encode_map(pairs)


def encode_scheduled(milliseconds: int) -> bytes:
    """Write the annotations of a message that is to be enqueued at a time since 1970."""
    return b"\x00\x53\x72" + encode_map([_SCHEDULED, encode_timestamp(milliseconds)])


def encode_data(body: bytes) -> bytes:
    """Write a body as a data section."""
    return b"\x00\x53\x75" + encode_binary(body)


def encode_batch(messages: Sequence[bytes]) -> bytes:
    """Write several encoded messages as the body of one delivery of `BATCH_FORMAT`."""
    return b"".join([b"\x00\x53\x75" + encode_binary(message) for message in messages])


def batch_bytes(message: bytes) -> int:
    """How much longer a batch becomes with this encoded message."""
    return len(message) + 8


class Received:
    """A message as it arrived, its sections by name; missing ones are empty."""

    __slots__ = ("annotations", "data", "header", "properties", "system", "value")

    def __init__(self, payload: bytes) -> None:
        """Read the sections.

        Raises:
            CodecError: The bytes are no message.
        """
        self.header: list[Any] = []
        self.annotations: dict[Any, Any] = {}
        self.system: list[Any] = []
        self.properties: dict[Any, Any] = {}
        self.value: Any = None
        parts: list[bytes] = []
        for code, value in _sections(payload):
            if code == _DATA:
                if type(value) is not bytes:
                    raise CodecError("a data section that is none")
                parts.append(value)
            elif code == _VALUE:
                self.value = value
            elif value is None:
                continue
            elif code == _APPLICATION:
                self.properties = _named(_map(value))
            elif code == _PROPERTIES:
                self.system = _PROPERTIES_FIELDS.check(value)
            elif code == _ANNOTATIONS:
                self.annotations = _map(value)
            elif code == _HEADER:
                self.header = _HEADER_FIELDS.check(value)
        self.data = parts

    def system_property(self, index: int) -> Any:
        """A field of the properties section, by its place; None when it is missing."""
        return self.system[index] if index < len(self.system) else None

    @property
    def body(self) -> bytes:
        """The data sections; or the text or bytes that stand as the body's value."""
        if self.data:
            return self.data[0] if len(self.data) == 1 else b"".join(self.data)
        if isinstance(self.value, str):
            return self.value.encode()
        return self.value if isinstance(self.value, bytes) else b""

    @property
    def message_id(self) -> str:
        """The sender's name for the message, as text."""
        return str(self.system_property(0) or "")

    @property
    def correlation_id(self) -> Any:
        """What it answers to."""
        return self.system_property(5)

    @property
    def delivery_count(self) -> int:
        """How many deliveries have failed before this one."""
        return int(self.header[4] or 0) if len(self.header) > 4 else 0  # noqa: PLR2004 - its place


def read_annotations(payload: bytes) -> dict[Any, Any]:
    """The annotations of an encoded message, without reading the rest.

    Raises:
        CodecError: The bytes are no message.
    """
    at = 0
    while at < len(payload):
        code, value, at = _SECTIONS.read(payload, at)
        if code > _ANNOTATIONS:
            break
        if code == _ANNOTATIONS:
            return {} if value is None else _map(value)
    return {}


def _sections(payload: bytes) -> Iterator[tuple[int, Any]]:
    """What each section is, and what is in it; but for the lock's token, which nobody reads here.

    Raises:
        CodecError: The bytes are no message.
    """
    at, size = 0, len(payload)
    while at < size:
        if payload.startswith(_LOCK_TOKEN, at) and at + _LOCK_TOKEN_BYTES <= size:
            at += _LOCK_TOKEN_BYTES
            continue
        code, value, at = _SECTIONS.read(payload, at)
        yield code, value


def _map(value: Any) -> dict[Any, Any]:
    if type(value) is not dict:
        raise CodecError("a section that should be a map")
    return value


def _named(properties: dict[Any, Any]) -> dict[Any, Any]:
    if not _TEXTS.issuperset(map(type, properties)):
        raise CodecError("an application property whose name is no text")
    return properties
