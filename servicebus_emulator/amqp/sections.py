"""Where the sections of an encoded message begin and end (AMQP 1.0 messaging 3.2).

A broker keeps the bare message as the bytes that came, so that whatever a sender wrote reaches
the receiver unchanged; only the sections before it are written anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from servicebus_emulator.amqp.codec import decode_at, skip_at
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.types import ULong
from servicebus_emulator.plain_data import Record

HEADER: Final = 0x70
DELIVERY_ANNOTATIONS: Final = 0x71
MESSAGE_ANNOTATIONS: Final = 0x72
PROPERTIES: Final = 0x73
APPLICATION_PROPERTIES: Final = 0x74
DATA: Final = 0x75
SEQUENCE: Final = 0x76
VALUE: Final = 0x77
FOOTER: Final = 0x78

_SECTIONS = range(HEADER, FOOTER + 1)
_REPEATABLE = frozenset((DATA, SEQUENCE))
_BODIES = frozenset((DATA, SEQUENCE, VALUE))
_BODIES_AND_FOOTER = _BODIES | {FOOTER}
_DESCRIBED = 0x00
USUAL_DESCRIPTOR: Final = b"\x00\x53"
"""How nearly all descriptors begin: the code is the byte that follows."""
DESCRIPTOR_SIZE: Final = 3


@dataclass(slots=True, eq=False, repr=False)
class Sections(Record):
    """An encoded message, split but not decoded.

    Attributes:
        header, delivery_annotations, message_annotations: the section as it came, descriptor
            included; empty bytes when absent.
        bare: properties, application-properties, body (and footer) as they came.
        has_properties: whether `bare` begins with properties.
    """

    header: bytes
    delivery_annotations: bytes
    message_annotations: bytes
    bare: bytes
    has_properties: bool = False


def split(payload: bytes) -> Sections:
    """Split an encoded message into sections without decoding their contents.

    Delivery annotations may come last, where the Python SDK writes them.

    Raises:
        DecodeError: not a sequence of message sections in the order of 3.2.
    """
    sections = find_sections(payload)
    if sections and sections[0][0] >= PROPERTIES and sections[-1][0] > MESSAGE_ANNOTATIONS:
        return Sections(b"", b"", b"", payload, sections[0][0] == PROPERTIES)
    parts = {HEADER: b"", DELIVERY_ANNOTATIONS: b"", MESSAGE_ANNOTATIONS: b""}
    bare = end_of_bare = len(payload)
    has_properties = False
    for code, start, _, end in sections:
        if code in parts:
            parts[code] = payload[start:end]
            if start > bare:
                end_of_bare = start
        elif start < bare:
            bare = start
            has_properties = code == PROPERTIES
    return Sections(
        parts[HEADER],
        parts[DELIVERY_ANNOTATIONS],
        parts[MESSAGE_ANNOTATIONS],
        payload[bare:end_of_bare],
        has_properties,
    )


def body_size(bare: bytes) -> int:
    """Bytes of the sections of `Sections.bare` that are its body.

    Raises:
        DecodeError: not a sequence of message sections.
    """
    return sum(end - start for code, start, _, end in find_sections(bare) if code in _BODIES)


def find_sections(data: bytes) -> list[tuple[int, int, int, int]]:
    """Find the sections: code, start, start of the value, end.

    Raises:
        DecodeError: no section, or one out of order.
    """
    found: list[tuple[int, int, int, int]] = []
    position, previous = 0, HEADER - 1
    size = len(data)
    while position < size:
        if data.startswith(USUAL_DESCRIPTOR, position) and size - position > DESCRIPTOR_SIZE:
            code, value = data[position + 2], position + DESCRIPTOR_SIZE
            if not HEADER <= code <= FOOTER:
                raise _no_section(code)
        else:
            code, value = _section_code(data, position)
        if code <= previous or previous >= DATA:  # bodies and the footer
            if code == DELIVERY_ANNOTATIONS and previous in _BODIES_AND_FOOTER:
                if (end := skip_at(data, value)) != size:
                    raise DecodeError("a section after delivery annotations that come late")
                found.append((code, position, value, end))
                return found
            _check_order(code, previous)
        end = skip_at(data, value)
        found.append((code, position, value, end))
        position, previous = end, code
    return found


def _section_code(data: bytes, position: int) -> tuple[int, int]:
    """Read a descriptor that is not written as usual."""
    if data[position] != _DESCRIBED:
        raise DecodeError("a message section has to be described")
    code, value = decode_at(data, position + 1)
    if code not in _SECTIONS or type(code) not in (int, ULong):
        raise _no_section(code)
    return code, value


def _no_section(code: object) -> DecodeError:
    return DecodeError(f"no message section: descriptor {code!r}")


def _check_order(code: int, previous: int) -> None:
    """A body is of one kind; data and amqp-sequence may come more than once."""
    if code < previous or (code == previous and code not in _REPEATABLE):
        raise DecodeError(f"section 0x{code:02x} after section 0x{previous:02x}")
    if code != previous and code in _BODIES and previous in _BODIES:
        raise DecodeError("a message with bodies of two kinds")
