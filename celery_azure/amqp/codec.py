"""AMQP 1.0's type system: values to bytes and back.

Source: OASIS AMQP 1.0, part 1 (types). Only what a client of Service Bus writes is written; what
any peer may write is read.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")
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


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor."""

    descriptor: Any
    value: Any


@dataclass(frozen=True, slots=True)
class UuidArray:
    """An array of UUIDs."""

    items: tuple[UUID, ...]


# -- writing -------------------------------------------------------------------------------------


def encode_string(text: str) -> bytes:
    """Write a string."""
    raw = text.encode()
    size = len(raw)
    if size <= _LONGEST_SMALL:
        return b"\xa1" + _BYTES[size] + raw
    return b"\xb1" + _U32.pack(size) + raw


def encode_symbol(text: str) -> bytes:
    """Write a symbol."""
    raw = text.encode("ascii", "replace")
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
    """Write an unsigned number of 32 bits."""
    if number == 0:
        return b"\x43"
    if number <= _LONGEST_SMALL:
        return b"\x52" + _BYTES[number]
    return b"\x70" + _U32.pack(number)


def _encode_ulong(number: int) -> bytes:
    if number <= _LONGEST_SMALL:
        return b"\x53" + _BYTES[number]
    return b"\x80" + _U64.pack(number)


def _encode_long(number: int) -> bytes:
    try:
        return b"\x81" + _I64.pack(number)
    except struct.error:
        raise CodecError("a number of more than 64 bits has no AMQP type") from None


def encode_timestamp(milliseconds: int) -> bytes:
    """Write a moment."""
    return b"\x83" + _I64.pack(milliseconds)


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
    int: _encode_long,
    float: lambda value: b"\x82" + _F64.pack(value),
    Symbol: encode_symbol,
    UByte: lambda value: b"\x50" + _BYTES[value],
    UShort: lambda value: b"\x60" + _U16.pack(value),
    UInt: encode_uint,
    ULong: _encode_ulong,
    Int: lambda value: b"\x71" + struct.pack(">i", value),
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
        CodecError: It has none in AMQP.
    """
    try:
        write = _WRITERS[type(value)]
    except KeyError:
        raise CodecError(f"{type(value).__name__} has no AMQP type") from None
    return write(value)


def is_representable(value: Any) -> bool:
    """Whether a value, as an application property, comes back as the same Python value."""
    kind = type(value)
    if kind is int:
        return bool(-(2**63) <= value < 2**63)
    return kind is str or kind is bool or kind is float


# -- reading -------------------------------------------------------------------------------------


def decode(data: bytes, at: int = 0) -> tuple[Any, int]:
    """Read the value at an offset; the value and the offset behind it.

    Strings and symbols become `str`, numbers `int`, timestamps `int` (milliseconds), lists and
    arrays `list`. Fixed-width types that have no Python counterpart become their bytes.

    Raises:
        CodecError: There is none.
    """
    try:
        value, end = _READERS[data[at]](data, at + 1)
    except (IndexError, struct.error, ValueError, TypeError, RecursionError) as error:
        raise CodecError(f"no AMQP value: {error}") from None
    if end > len(data):
        raise CodecError("an AMQP value ends too soon")
    return value, end


def _read(data: bytes, at: int) -> tuple[Any, int]:
    return _READERS[data[at]](data, at + 1)


def _constant(value: Any) -> Callable[[bytes, int], tuple[Any, int]]:
    return lambda _, at: (value, at)


def _packed(format_: str) -> Callable[[bytes, int], tuple[Any, int]]:
    packed = struct.Struct(format_)
    unpack, width = packed.unpack_from, packed.size
    return lambda data, at: (unpack(data, at)[0], at + width)


def _raw(width: int) -> Callable[[bytes, int], tuple[Any, int]]:
    return lambda data, at: (data[at : at + width], at + width)


def _read_str8(data: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + data[at]
    return data[at + 1 : end].decode(), end


def _read_str32(data: bytes, at: int) -> tuple[str, int]:
    end = at + 4 + _U32.unpack_from(data, at)[0]
    return data[at + 4 : end].decode(), end


def _read_bin8(data: bytes, at: int) -> tuple[bytes, int]:
    end = at + 1 + data[at]
    return data[at + 1 : end], end


def _read_bin32(data: bytes, at: int) -> tuple[bytes, int]:
    end = at + 4 + _U32.unpack_from(data, at)[0]
    return data[at + 4 : end], end


def _read_items(data: bytes, at: int, count: int) -> tuple[list[Any], int]:
    if count > len(data):  # each item has a byte at least, or stands for nothing in a list of ours
        raise CodecError("a compound value claims more items than there are bytes")
    items = []
    for _ in range(count):
        value, at = _READERS[data[at]](data, at + 1)
        items.append(value)
    return items, at


def _read_list8(data: bytes, at: int) -> tuple[list[Any], int]:
    return _read_items(data, at + 2, data[at + 1])


def _read_list32(data: bytes, at: int) -> tuple[list[Any], int]:
    return _read_items(data, at + 8, _U32.unpack_from(data, at + 4)[0])


def _read_map8(data: bytes, at: int) -> tuple[dict[Any, Any], int]:
    items, end = _read_items(data, at + 2, data[at + 1])
    return dict(zip(items[::2], items[1::2], strict=True)), end


def _read_map32(data: bytes, at: int) -> tuple[dict[Any, Any], int]:
    items, end = _read_items(data, at + 8, _U32.unpack_from(data, at + 4)[0])
    return dict(zip(items[::2], items[1::2], strict=True)), end


def _read_elements(data: bytes, at: int, count: int) -> tuple[list[Any], int]:
    """Read what an array holds: one constructor, then the values without it."""
    if data[at] == 0:
        _, at = _read(data, at + 1)
    read = _READERS[data[at]]
    if count > len(data):
        raise CodecError("an array claims more items than there are bytes")
    at += 1
    values = []
    for _ in range(count):
        value, at = read(data, at)
        values.append(value)
    return values, at


def _read_array8(data: bytes, at: int) -> tuple[list[Any], int]:
    return _read_elements(data, at + 2, data[at + 1])


def _read_array32(data: bytes, at: int) -> tuple[list[Any], int]:
    return _read_elements(data, at + 8, _U32.unpack_from(data, at + 4)[0])


def _read_described(data: bytes, at: int) -> tuple[Described, int]:
    descriptor, at = _read(data, at)
    value, at = _read(data, at)
    return Described(descriptor, value), at


def _read_uuid(data: bytes, at: int) -> tuple[UUID, int]:
    raw = data[at : at + 16]
    if len(raw) != 16:  # noqa: PLR2004 - the width of a UUID
        raise CodecError("a UUID ends too soon")
    return UUID(bytes=raw), at + 16


def _unknown(_: bytes, at: int) -> tuple[Any, int]:
    raise CodecError(f"no AMQP constructor at {at - 1}")


def _readers() -> list[Callable[[bytes, int], tuple[Any, int]]]:
    readers: list[Callable[[bytes, int], tuple[Any, int]]] = [_unknown] * 256
    for high, width in ((0x5, 1), (0x6, 2), (0x7, 4), (0x8, 8), (0x9, 16)):
        for low in range(16):
            readers[high << 4 | low] = _raw(width)
    for code, value in ((0x40, None), (0x41, True), (0x42, False), (0x43, 0), (0x44, 0)):
        readers[code] = _constant(value)
    readers[0x45] = lambda _, at: ([], at)
    for code, format_ in (
        *((0x50, ">B"), (0x51, ">b"), (0x52, ">B"), (0x53, ">B"), (0x54, ">b"), (0x55, ">b")),
        *((0x56, ">?"), (0x60, ">H"), (0x61, ">h"), (0x70, ">I"), (0x71, ">i"), (0x72, ">f")),
        *((0x80, ">Q"), (0x81, ">q"), (0x82, ">d"), (0x83, ">q")),
    ):
        readers[code] = _packed(format_)
    readers[0x00] = _read_described
    readers[0x98] = _read_uuid
    for code, reader in (
        *((0xA0, _read_bin8), (0xA1, _read_str8), (0xA3, _read_str8)),
        *((0xB0, _read_bin32), (0xB1, _read_str32), (0xB3, _read_str32)),
        *((0xC0, _read_list8), (0xC1, _read_map8), (0xD0, _read_list32), (0xD1, _read_map32)),
        *((0xE0, _read_array8), (0xF0, _read_array32)),
    ):
        readers[code] = reader
    return readers


_READERS = _readers()
