"""AMQP values to bytes, each in the shortest form of its type (AMQP 1.0 types 1.2 to 1.6)."""

from __future__ import annotations

import struct
import uuid
from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp.errors import EncodeError
from servicebus_emulator.amqp.types import (
    MAX_COUNT,
    MAX_DEPTH,
    MAX_EMPTY_ITEMS,
    Array,
    Byte,
    Char,
    Decimal32,
    Decimal64,
    Decimal128,
    Described,
    Float,
    Int,
    Short,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Encoder = Callable[[bytearray, Any, int], None]

_LARGEST_BYTE = 0xFF
_EMPTY_CATEGORY = 0x4
_SMALL_INTEGERS = range(-128, 128)
_U32 = struct.Struct(">I")
_U32_PAIR = struct.Struct(">II")


def encode(value: Any) -> bytes:
    """Encode a value in the shortest form of its type.

    Raises:
        EncodeError: a Python type without AMQP counterpart, or a value out of its type's range.
    """
    out = bytearray()
    encode_into(out, value)
    return bytes(out)


def encode_into(out: bytearray, value: Any) -> None:
    """Append the encoding of `value` to `out`. Raises EncodeError, then `out` is spoilt."""
    try:
        _encode(out, value, 0)
    except (struct.error, UnicodeEncodeError, OverflowError) as error:
        raise EncodeError(f"{type(value).__name__} out of range: {error}") from error


def _encode(out: bytearray, value: Any, depth: int) -> None:
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        encoder = _inherited_encoder(type(value))
    encoder(out, value, depth)


def _inherited_encoder(kind: type) -> Encoder:
    for base in kind.__mro__:
        if base in _ENCODERS:
            return _ENCODERS[base]
    raise EncodeError(f"{kind.__name__} has no AMQP type")


def _put_none(out: bytearray, _value: None, _depth: int) -> None:
    out.append(0x40)


def _put_bool(out: bytearray, value: bool, _depth: int) -> None:
    out.append(0x41 if value else 0x42)


def _put_fixed(code: int, layout: str) -> Encoder:
    pack = struct.Struct(">B" + layout).pack

    def put(out: bytearray, value: Any, _depth: int) -> None:
        out += pack(code, value)

    return put


def _put_unsigned(zero: int, small: int, code: int, layout: str) -> Encoder:
    pack = struct.Struct(">B" + layout).pack

    def put(out: bytearray, value: int, _depth: int) -> None:
        if value == 0:
            out.append(zero)
        elif 0 < value <= _LARGEST_BYTE:
            out += bytes((small, value))
        else:
            out += pack(code, value)

    return put


def _put_signed(small: int, code: int, layout: str) -> Encoder:
    pack = struct.Struct(">B" + layout).pack

    def put(out: bytearray, value: int, _depth: int) -> None:
        if value in _SMALL_INTEGERS:
            out += bytes((small, value & 0xFF))
        else:
            out += pack(code, value)

    return put


def _put_char(out: bytearray, value: Char, _depth: int) -> None:
    out.append(0x73)
    out += _raw_char(value)


def _raw_char(value: Char) -> bytes:
    if len(value) != 1:
        raise EncodeError("a char holds exactly one character")
    return _U32.pack(ord(value))


def _put_uuid(out: bytearray, value: uuid.UUID, _depth: int) -> None:
    out.append(0x98)
    out += value.bytes


def _put_sized(out: bytearray, short: int, raw: bytes | bytearray | memoryview) -> None:
    """Append a variable-width value; the wide constructor is the short one plus 0x10."""
    if len(raw) <= _LARGEST_BYTE:
        out += bytes((short, len(raw)))
    else:
        out.append(short + 0x10)
        out += _U32.pack(len(raw))
    out += raw


def _put_binary(out: bytearray, value: bytes | bytearray | memoryview, _depth: int) -> None:
    _put_sized(out, 0xA0, value)


def _put_string(out: bytearray, value: str, _depth: int) -> None:
    _put_sized(out, 0xA1, value.encode())


def _put_symbol(out: bytearray, value: Symbol, _depth: int) -> None:
    _put_sized(out, 0xA3, value.encode("ascii"))


def _put_decimal(code: int, width: int) -> Encoder:
    def put(out: bytearray, value: bytes, _depth: int) -> None:
        out.append(code)
        out += _raw_decimal(value, width)

    return put


def _raw_decimal(value: bytes, width: int) -> bytes:
    if len(value) != width:
        raise EncodeError(f"a decimal of {len(value)} bytes, not {width}")
    return value


def _put_described(out: bytearray, value: Described, depth: int) -> None:
    depth = _encode_deeper(depth)
    out.append(0x00)
    _encode(out, value.descriptor, depth)
    _encode(out, value.value, depth)


def _encode_deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise EncodeError(f"nested more than {MAX_DEPTH} deep")
    return depth + 1


def _put_compound(out: bytearray, short: int, count: int, content: bytearray) -> None:
    if count > MAX_COUNT:
        raise EncodeError(f"more than {MAX_COUNT} elements")
    size = len(content) + 1
    if size <= _LARGEST_BYTE and count <= _LARGEST_BYTE:
        out += bytes((short, size, count))
    else:
        out.append(short + 0x10)
        out += _U32_PAIR.pack(len(content) + 4, count)
    out += content


def _put_list(out: bytearray, value: list[Any] | tuple[Any, ...], depth: int) -> None:
    depth = _encode_deeper(depth)
    if not value:
        out.append(0x45)
        return
    content = bytearray()
    for item in value:
        _encode(content, item, depth)
    _put_compound(out, 0xC0, len(value), content)


def _put_map(out: bytearray, value: dict[Any, Any], depth: int) -> None:
    depth = _encode_deeper(depth)
    content = bytearray()
    for key, item in value.items():
        _encode(content, key, depth)
        _encode(content, item, depth)
    _put_compound(out, 0xC1, len(value) * 2, content)


def _put_array(out: bytearray, value: Array, depth: int) -> None:
    depth = _encode_deeper(depth)
    try:
        code, raw = _ARRAY_ENCODERS[value.element]
    except KeyError:
        raise EncodeError(f"no array of {value.element.__name__}") from None
    if code >> 4 == _EMPTY_CATEGORY and len(value.items) > MAX_EMPTY_ITEMS:
        raise EncodeError(f"more than {MAX_EMPTY_ITEMS} items without bytes")
    content = bytearray()
    if value.descriptor is not None:
        content.append(0x00)
        _encode(content, value.descriptor, depth)
    content.append(code)
    for item in value.items:
        if type(item) is not value.element:
            raise EncodeError(f"{type(item).__name__} in an array of {value.element.__name__}")
        content += raw(item, depth)
    _put_compound(out, 0xE0, len(value.items), content)


def _raw_none(_value: None, _depth: int) -> bytes:
    return b""


def _raw_fixed(layout: str) -> Callable[[Any, int], bytes]:
    pack = struct.Struct(">" + layout).pack

    def raw(value: Any, _depth: int) -> bytes:
        return pack(value)

    return raw


def _raw_sized(to_bytes: Callable[[Any], bytes]) -> Callable[[Any, int], bytes]:
    def raw(value: Any, _depth: int) -> bytes:
        content = to_bytes(value)
        return _U32.pack(len(content)) + content

    return raw


def _raw_list(value: list[Any], depth: int) -> bytes:
    return _raw_compound(value, len(value), _encode_deeper(depth))


def _raw_map(value: dict[Any, Any], depth: int) -> bytes:
    flat = [part for pair in value.items() for part in pair]
    return _raw_compound(flat, len(flat), _encode_deeper(depth))


def _raw_compound(items: list[Any], count: int, depth: int) -> bytes:
    if count > MAX_COUNT:
        raise EncodeError(f"more than {MAX_COUNT} elements")
    content = bytearray()
    for item in items:
        _encode(content, item, depth)
    return _U32_PAIR.pack(len(content) + 4, count) + bytes(content)


def _raw_array(value: Array, depth: int) -> bytes:
    """Encode an array in an array: its own constructor is said once, in the wide form."""
    whole = bytearray()
    _put_array(whole, value, depth)
    if whole[0] == 0xF0:  # noqa: PLR2004 # array32, types 1.6.24
        return bytes(whole[1:])
    return _U32_PAIR.pack(whole[1] + 3, whole[2]) + bytes(whole[3:])


_ENCODERS: dict[type, Encoder] = {
    type(None): _put_none,
    bool: _put_bool,
    UByte: _put_fixed(0x50, "B"),
    UShort: _put_fixed(0x60, "H"),
    UInt: _put_unsigned(0x43, 0x52, 0x70, "I"),
    ULong: _put_unsigned(0x44, 0x53, 0x80, "Q"),
    Byte: _put_fixed(0x51, "b"),
    Short: _put_fixed(0x61, "h"),
    Int: _put_signed(0x54, 0x71, "i"),
    int: _put_signed(0x55, 0x81, "q"),
    Float: _put_fixed(0x72, "f"),
    float: _put_fixed(0x82, "d"),
    Char: _put_char,
    Timestamp: _put_fixed(0x83, "q"),
    uuid.UUID: _put_uuid,
    bytes: _put_binary,
    bytearray: _put_binary,
    memoryview: _put_binary,
    str: _put_string,
    Symbol: _put_symbol,
    Decimal32: _put_decimal(0x74, 4),
    Decimal64: _put_decimal(0x84, 8),
    Decimal128: _put_decimal(0x94, 16),
    list: _put_list,
    tuple: _put_list,
    dict: _put_map,
    Array: _put_array,
    Described: _put_described,
}

_ARRAY_ENCODERS: dict[type, tuple[int, Callable[[Any, int], bytes]]] = {
    type(None): (0x40, _raw_none),
    bool: (0x56, _raw_fixed("?")),
    UByte: (0x50, _raw_fixed("B")),
    UShort: (0x60, _raw_fixed("H")),
    UInt: (0x70, _raw_fixed("I")),
    ULong: (0x80, _raw_fixed("Q")),
    Byte: (0x51, _raw_fixed("b")),
    Short: (0x61, _raw_fixed("h")),
    Int: (0x71, _raw_fixed("i")),
    int: (0x81, _raw_fixed("q")),
    Float: (0x72, _raw_fixed("f")),
    float: (0x82, _raw_fixed("d")),
    Char: (0x73, lambda value, _depth: _raw_char(value)),
    Timestamp: (0x83, _raw_fixed("q")),
    uuid.UUID: (0x98, lambda value, _depth: value.bytes),
    bytes: (0xB0, _raw_sized(bytes)),
    str: (0xB1, _raw_sized(str.encode)),
    Symbol: (0xB3, _raw_sized(lambda value: value.encode("ascii"))),
    Decimal32: (0x74, lambda value, _depth: _raw_decimal(value, 4)),
    Decimal64: (0x84, lambda value, _depth: _raw_decimal(value, 8)),
    Decimal128: (0x94, lambda value, _depth: _raw_decimal(value, 16)),
    list: (0xD0, _raw_list),
    dict: (0xD1, _raw_map),
    Array: (0xF0, _raw_array),
}
