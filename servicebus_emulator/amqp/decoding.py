"""Bytes to AMQP values (AMQP 1.0 types 1.2 to 1.6).

Decoding goes through a table of 256 functions, one per constructor byte, each
`(data, position after the constructor, depth) -> (value, next position)`. Limits keep hostile
bytes cheap: nesting, element counts, and items that take no room on the wire.
"""

from __future__ import annotations

import struct
import uuid
from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp.errors import DecodeError
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

    Decoder = Callable[[bytes, int, int], tuple[Any, int]]

_U32 = struct.Struct(">I")
_U32_PAIR = struct.Struct(">II")

#: What bytes of a stranger can raise while they are decoded.
_BAD_BYTES = (IndexError, struct.error, ValueError, OverflowError)


def decode(data: bytes) -> Any:
    """Decode the single value that `data` holds.

    Raises:
        DecodeError: no AMQP value, or bytes after it.
    """
    value, position = decode_at(data, 0)
    if position != len(data):
        raise DecodeError(f"{len(data) - position} bytes follow the value")
    return value


def decode_at(data: bytes, position: int, depth: int = 0) -> tuple[Any, int]:
    """Decode the value at `position`; return it and the position after it.

    Raises:
        DecodeError: no AMQP value there.
    """
    try:
        return _DECODERS[data[position]](data, position + 1, depth)
    except _BAD_BYTES as error:
        raise DecodeError(f"no AMQP value at byte {position}: {error}") from error


def skip_at(data: bytes, position: int) -> int:
    """Return the position after the value at `position` without building it.

    Raises:
        DecodeError: no AMQP constructor there, or too few bytes.
    """
    try:
        code = data[position]
        if code == 0:
            return skip_at(data, skip_at(data, position + 1))
        category = code >> 4
        if category in _FIXED_WIDTHS:
            end = position + 1 + _FIXED_WIDTHS[category]
        elif category & 1 == 0:
            end = position + 2 + data[position + 1]
        else:
            end = position + 5 + _U32.unpack_from(data, position + 1)[0]
    except _BAD_BYTES as error:
        raise DecodeError(f"value cut off at byte {position}: {error}") from error
    if end > len(data) or _DECODERS[code] is _unknown:
        raise DecodeError(f"no whole AMQP value at byte {position}")
    return int(end)


def _unknown(data: bytes, position: int, _depth: int) -> tuple[Any, int]:
    raise DecodeError(f"unknown constructor 0x{data[position - 1]:02x}")


def _constant(value: Any) -> Decoder:
    def decode_constant(_data: bytes, position: int, _depth: int) -> tuple[Any, int]:
        return value, position

    return decode_constant


def _small(kind: type) -> Decoder:
    def decode_small(data: bytes, position: int, _depth: int) -> tuple[Any, int]:
        return kind(data[position]), position + 1

    return decode_small


def _fixed(layout: str, kind: Callable[[Any], Any] | None = None) -> Decoder:
    unpack_from = struct.Struct(layout).unpack_from
    width = struct.calcsize(layout)

    def decode_plain(data: bytes, position: int, _depth: int) -> tuple[Any, int]:
        return unpack_from(data, position)[0], position + width

    def decode_typed(data: bytes, position: int, _depth: int) -> tuple[Any, int]:
        return kind(unpack_from(data, position)[0]), position + width  # type: ignore[misc] # not None when chosen

    return decode_plain if kind is None else decode_typed


def _character(code_point: int) -> Char:
    return Char(chr(code_point))


def _boolean(data: bytes, position: int, _depth: int) -> tuple[bool, int]:
    octet = data[position]
    if octet > 1:
        raise DecodeError(f"boolean of value {octet}")
    return octet == 1, position + 1


def _uuid(data: bytes, position: int, _depth: int) -> tuple[uuid.UUID, int]:
    end = position + 16
    return uuid.UUID(bytes=data[position:end]), end


def _binary8(data: bytes, position: int, _depth: int) -> tuple[bytes, int]:
    start = position + 1
    end = start + data[position]
    return _cut(data, start, end), end


def _binary32(data: bytes, position: int, _depth: int) -> tuple[bytes, int]:
    start = position + 4
    end = start + _U32.unpack_from(data, position)[0]
    return _cut(data, start, end), end


def _cut(data: bytes, start: int, end: int) -> bytes:
    if end > len(data):
        raise DecodeError(f"{end - len(data)} bytes are missing")
    return data[start:end]


def _text(binary: Decoder, charset: str, kind: Callable[[str], str]) -> Decoder:
    def decode_text(data: bytes, position: int, depth: int) -> tuple[str, int]:
        raw, position = binary(data, position, depth)
        return kind(raw.decode(charset)), position

    return decode_text


def _described(data: bytes, position: int, depth: int) -> tuple[Described, int]:
    depth = _deeper(depth)
    descriptor, position = _DECODERS[data[position]](data, position + 1, depth)
    value, position = _DECODERS[data[position]](data, position + 1, depth)
    return Described(descriptor, value), position


def _deeper(depth: int) -> int:
    if depth >= MAX_DEPTH:
        raise DecodeError(f"nested more than {MAX_DEPTH} deep")
    return depth + 1


def _bounds8(data: bytes, position: int) -> tuple[int, int, int]:
    """Read size and count of a compound: count, start of the items, end."""
    return _checked(data, data[position + 1], position + 2, position + 1 + data[position])


def _bounds32(data: bytes, position: int) -> tuple[int, int, int]:
    size, count = _U32_PAIR.unpack_from(data, position)
    return _checked(data, count, position + 8, position + 4 + size)


def _checked(data: bytes, count: int, start: int, end: int) -> tuple[int, int, int]:
    if not start <= end <= len(data):
        raise DecodeError("a compound value's size does not fit")
    if count > MAX_COUNT:
        raise DecodeError(f"more than {MAX_COUNT} elements")
    return count, start, end


def _items(data: bytes, bounds: tuple[int, int, int], depth: int) -> tuple[list[Any], int]:
    count, position, end = bounds
    depth = _deeper(depth)
    decoders = _DECODERS
    values: list[Any] = []
    append = values.append
    for _ in range(count):
        value, position = decoders[data[position]](data, position + 1, depth)
        append(value)
        if position > end:
            break
    if position != end:
        raise DecodeError("a compound value's size and count disagree")
    return values, end


def _list8(data: bytes, position: int, depth: int) -> tuple[list[Any], int]:
    return _items(data, _bounds8(data, position), depth)


def _list32(data: bytes, position: int, depth: int) -> tuple[list[Any], int]:
    return _items(data, _bounds32(data, position), depth)


def _list0(_data: bytes, position: int, depth: int) -> tuple[list[Any], int]:
    _deeper(depth)
    return [], position


def _map8(data: bytes, position: int, depth: int) -> tuple[dict[Any, Any], int]:
    return _pairs(*_items(data, _bounds8(data, position), depth))


def _map32(data: bytes, position: int, depth: int) -> tuple[dict[Any, Any], int]:
    return _pairs(*_items(data, _bounds32(data, position), depth))


def _pairs(items: list[Any], end: int) -> tuple[dict[Any, Any], int]:
    try:
        pairs = dict(zip(items[::2], items[1::2], strict=True))
    except TypeError as error:
        raise DecodeError(f"a map key that cannot be looked up: {error}") from error
    if len(pairs) * 2 != len(items):
        raise DecodeError("a map with two equal keys")
    return pairs, end


def _array8(data: bytes, position: int, depth: int) -> tuple[Array, int]:
    return _array(data, _bounds8(data, position), depth)


def _array32(data: bytes, position: int, depth: int) -> tuple[Array, int]:
    return _array(data, _bounds32(data, position), depth)


def _array(data: bytes, bounds: tuple[int, int, int], depth: int) -> tuple[Array, int]:
    count, position, end = bounds
    depth = _deeper(depth)
    descriptor = None
    if data[position] == 0:
        descriptor, position = decode_at(data, position + 1, depth)
    code = data[position]
    position += 1
    if code >> 4 == _EMPTY_CATEGORY and count > MAX_EMPTY_ITEMS:
        raise DecodeError(f"more than {MAX_EMPTY_ITEMS} items without bytes")
    decoder = _DECODERS[code]
    items = []
    for _ in range(count):
        value, position = decoder(data, position, depth)
        items.append(value)
        if position > end:
            break
    if position != end:
        raise DecodeError("an array's size and count disagree")
    return Array(_element_class(code), tuple(items), descriptor), end


def _element_class(code: int) -> type:
    try:
        return _CLASSES[code]
    except KeyError:
        raise DecodeError(f"an array cannot hold constructor 0x{code:02x}") from None


_EMPTY_CATEGORY = 0x4
#: Bytes after the constructor by its upper half (types 1.2, "fixed width").
_FIXED_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}

_BY_CODE: dict[int, tuple[type, Decoder]] = {
    0x40: (type(None), _constant(None)),
    0x41: (bool, _constant(True)),
    0x42: (bool, _constant(False)),
    0x43: (UInt, _constant(UInt(0))),
    0x44: (ULong, _constant(ULong(0))),
    0x45: (list, _list0),
    0x50: (UByte, _small(UByte)),
    0x51: (Byte, _fixed(">b", Byte)),
    0x52: (UInt, _small(UInt)),
    0x53: (ULong, _small(ULong)),
    0x54: (Int, _fixed(">b", Int)),
    0x55: (int, _fixed(">b")),
    0x56: (bool, _boolean),
    0x60: (UShort, _fixed(">H", UShort)),
    0x61: (Short, _fixed(">h", Short)),
    0x70: (UInt, _fixed(">I", UInt)),
    0x71: (Int, _fixed(">i", Int)),
    0x72: (Float, _fixed(">f", Float)),
    0x73: (Char, _fixed(">I", _character)),
    0x74: (Decimal32, _fixed("4s", Decimal32)),
    0x80: (ULong, _fixed(">Q", ULong)),
    0x81: (int, _fixed(">q")),
    0x82: (float, _fixed(">d")),
    0x83: (Timestamp, _fixed(">q", Timestamp)),
    0x84: (Decimal64, _fixed("8s", Decimal64)),
    0x94: (Decimal128, _fixed("16s", Decimal128)),
    0x98: (uuid.UUID, _uuid),
    0xA0: (bytes, _binary8),
    0xA1: (str, _text(_binary8, "utf-8", str)),
    0xA3: (Symbol, _text(_binary8, "ascii", Symbol)),
    0xB0: (bytes, _binary32),
    0xB1: (str, _text(_binary32, "utf-8", str)),
    0xB3: (Symbol, _text(_binary32, "ascii", Symbol)),
    0xC0: (list, _list8),
    0xC1: (dict, _map8),
    0xD0: (list, _list32),
    0xD1: (dict, _map32),
    0xE0: (Array, _array8),
    0xF0: (Array, _array32),
}
_CLASSES: dict[int, type] = {code: kind for code, (kind, _) in _BY_CODE.items()}
_DECODERS: list[Decoder] = [_unknown] * 256
_DECODERS[0x00] = _described
for _code, (_, _decoder) in _BY_CODE.items():
    _DECODERS[_code] = _decoder
