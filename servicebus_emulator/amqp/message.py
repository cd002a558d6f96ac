"""Encoded messages taken apart by section, and put together again (AMQP 1.0 messaging 3.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Header:
    """Transport properties of a message (3.2.1). `ttl` in milliseconds."""

    durable: bool = False
    priority: int = 4
    ttl: int | None = None
    first_acquirer: bool = False
    delivery_count: int = 0


@dataclass(slots=True)
class Properties:
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


@dataclass(slots=True)
class Sections:
    """An encoded message, split but not decoded.

    Attributes:
        header, delivery_annotations, message_annotations: the section as it came, descriptor
            included; empty bytes when absent.
        bare: properties, application-properties, body (and footer) as they came.
    """

    header: bytes
    delivery_annotations: bytes
    message_annotations: bytes
    bare: bytes


@dataclass(slots=True)
class BareMessage:
    """A decoded bare message, as request/response nodes read and write it.

    Attributes:
        properties: section 3.2.4, None when absent.
        application_properties: empty when absent.
        data: the data sections' contents, for a data body.
        sequences: the amqp-sequence sections' lists.
        value: the amqp-value, when `has_value`.
        footer: empty when absent.
    """

    properties: Properties | None
    application_properties: dict[Any, Any]
    data: list[bytes]
    sequences: list[list[Any]]
    value: Any
    has_value: bool
    footer: dict[Any, Any]


def split(payload: bytes) -> Sections:
    """Split an encoded message into sections without decoding their contents.

    Raises:
        DecodeError: not a sequence of message sections in the order of 3.2.
    """
    raise NotImplementedError


def join(
    header: Header | None,
    delivery_annotations: dict[Any, Any] | None,
    message_annotations: dict[Any, Any] | None,
    bare: bytes,
) -> bytes:
    """Encode a message from a bare message as it came and new sections before it."""
    raise NotImplementedError


def decode_header(section: bytes) -> Header:
    """Decode `Sections.header`; defaults when it is empty. Raises DecodeError."""
    raise NotImplementedError


def decode_annotations(section: bytes) -> dict[Any, Any]:
    """Decode an annotations section to a map; empty when it is empty. Raises DecodeError."""
    raise NotImplementedError


def decode_bare(bare: bytes) -> BareMessage:
    """Decode `Sections.bare` entirely. Raises DecodeError."""
    raise NotImplementedError


def decode_properties(bare: bytes) -> Properties:
    """Decode only the properties of `Sections.bare`; all None when absent. Raises DecodeError."""
    raise NotImplementedError


def data_sections(bare: bytes) -> list[bytes]:
    """Contents of the data sections, not decoded: the messages of a batch. Raises DecodeError."""
    raise NotImplementedError


def encode_bare(message: BareMessage) -> bytes:
    """Encode a bare message."""
    raise NotImplementedError
