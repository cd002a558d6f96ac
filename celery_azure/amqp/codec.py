"""AMQP 1.0's type system: values to bytes. The way back is `decoder.py`.

Source: OASIS AMQP 1.0, part 1 (types). Only what a client of Service Bus writes is written.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

_U8 = struct.Struct(">B")
_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")
_I32 = struct.Struct(">i")
_I64 = struct.Struct(">q")
_F64 = struct.Struct(">d")
_U32U32 = struct.Struct(">II")
_BYTES = tuple(bytes((number,)) for number in range(256))
_LONGEST_SMALL = 255
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CodecError(ValueError):
    """The bytes are no AMQP, or the value has no AMQP type."""


class Symbol(str):
    """Text of the ASCII kind that AMQP uses for its own names."""

    __slots__ = ()


class UByte(int):
    """An unsigned number of 8 bits."""

    __slots__ = ()


class UShort(int):
    """An unsigned number of 16 bits."""

    __slots__ = ()


class UInt(int):
    """An unsigned number of 32 bits."""

    __slots__ = ()


class ULong(int):
    """An unsigned number of 64 bits."""

    __slots__ = ()


class Int(int):
    """A signed number of 32 bits."""

    __slots__ = ()


class Timestamp(int):
    """Milliseconds since 1970."""

    __slots__ = ()


@dataclass(slots=True, unsafe_hash=True)  # not frozen: that would make it dear to create
class Described:
    """A value with a descriptor."""

    descriptor: Any
    value: Any


@dataclass(frozen=True, slots=True)
class UuidArray:
    """An array of UUIDs."""

    items: tuple[UUID, ...]


def encode_string(text: str) -> bytes:
    """Write a string.

    Raises:
        CodecError: A half of a surrogate pair stands alone in it, which UTF-8 cannot carry.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError as error:
        raise CodecError(f"text that is no Unicode at {error.start}") from None
    size = len(raw)
    if size <= _LONGEST_SMALL:
        return b"\xa1" + _BYTES[size] + raw
    return b"\xb1" + _U32.pack(size) + raw


def encode_symbol(text: str) -> bytes:
    """Write a symbol.

    Raises:
        CodecError: There is more in it than ASCII.
    """
    try:
        raw = text.encode("ascii")
    except UnicodeEncodeError as error:
        raise CodecError(f"a symbol that is not ASCII at {error.start}") from None
    size = len(raw)
    if size <= _LONGEST_SMALL:
        return b"\xa3" + _BYTES[size] + raw
    return b"\xb3" + _U32.pack(size) + raw


def encode_binary(raw: bytes) -> bytes:
    """Write bytes."""
    size = len(raw)
    if size <= _LONGEST_SMALL:
        return b"\xa0" + _BYTES[size] + raw
    return b"\xb0" + _U32.pack(size) + raw


def encode_uint(number: int) -> bytes:
    """Write an unsigned number of 32 bits.

    Raises:
        CodecError: It has more, or is negative.
    """
    if number == 0:
        return b"\x43"
    if 0 < number <= _LONGEST_SMALL:
        return b"\x52" + _BYTES[number]
    return b"\x70" + _pack(_U32, number)


def _encode_ulong(number: int) -> bytes:
    if 0 <= number <= _LONGEST_SMALL:
        return b"\x53" + _BYTES[number]
    return b"\x80" + _pack(_U64, number)


def encode_timestamp(milliseconds: int) -> bytes:
    """Write a moment.

    Raises:
        CodecError: It has more than 64 bits.
    """
    return b"\x83" + _pack(_I64, milliseconds)


def _pack(format_: struct.Struct, number: int) -> bytes:
    try:
        return format_.pack(number)
    except struct.error:
        raise CodecError(f"a number that does not fit into {8 * format_.size} bits") from None


def _encode_datetime(moment: datetime) -> bytes:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return encode_timestamp(round((aware - _EPOCH).total_seconds() * 1000))


def encode_list(items: list[bytes]) -> bytes:
    """Write a list of values that are encoded already."""
    if not items:
        return b"\x45"
    return _compound(b"\xc0", b"\xd0", len(items), b"".join(items))


def encode_map(pairs: list[bytes]) -> bytes:
    """Write a map of keys and values that are encoded already, in turn."""
    return _compound(b"\xc1", b"\xd1", len(pairs), b"".join(pairs))


def pairs_to_map(content: bytes, count: int) -> bytes:
    """Write a map of `count` keys and values that are encoded and joined already."""
    return _compound(b"\xc1", b"\xd1", count, content)


def _compound(small: bytes, large: bytes, count: int, content: bytes) -> bytes:
    size = len(content) + 1
    if size <= _LONGEST_SMALL and count <= _LONGEST_SMALL:
        return small + _BYTES[size] + _BYTES[count] + content
    return large + _U32U32.pack(len(content) + 4, count) + content


def _encode_uuid_array(array: UuidArray) -> bytes:
    content = b"".join(item.bytes for item in array.items)
    return b"\xf0" + _U32U32.pack(len(content) + 5, len(array.items)) + b"\x98" + content


def _encode_dict(mapping: dict[Any, Any]) -> bytes:
    return encode_map([encode(part) for pair in mapping.items() for part in pair])


_WRITERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    str: encode_string,
    bytes: encode_binary,
    int: lambda value: b"\x81" + _pack(_I64, value),
    float: lambda value: b"\x82" + _F64.pack(value),
    Symbol: encode_symbol,
    UByte: lambda value: b"\x50" + _pack(_U8, value),
    UShort: lambda value: b"\x60" + _pack(_U16, value),
    UInt: encode_uint,
    ULong: _encode_ulong,
    Int: lambda value: b"\x71" + _pack(_I32, value),
    Timestamp: encode_timestamp,
    UUID: lambda value: b"\x98" + value.bytes,
    datetime: _encode_datetime,
    list: lambda value: encode_list([encode(item) for item in value]),
    dict: _encode_dict,
    UuidArray: _encode_uuid_array,
    Described: lambda value: b"\x00" + encode(value.descriptor) + encode(value.value),
}


def encode(value: Any) -> bytes:
    """Write a value as what its Python type says.

    Raises:
        CodecError: It has none in AMQP, or is outside of what its type can say.
    """
    try:
        write = _WRITERS[type(value)]
    except KeyError:
        raise CodecError(f"{type(value).__name__} has no AMQP type") from None
    try:
        return write(value)
    except RecursionError:
        raise CodecError("a value that is nested too deeply") from None


def is_representable(value: Any) -> bool:
    """Whether a value, as an application property, comes back as the same Python value."""
    kind = type(value)
    if kind is int:
        return bool(-(2**63) <= value < 2**63)
    return kind is str or kind is bool or kind is float
