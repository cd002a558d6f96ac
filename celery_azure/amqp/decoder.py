"""AMQP 1.0's type system: bytes to values.

Source: OASIS AMQP 1.0, part 1 (types): what any peer may write is read. The work is bounded by the
number of bytes, whatever they claim.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery_azure.amqp.codec import CodecError, Described

if TYPE_CHECKING:
    from collections.abc import Callable

_SHORT_TEXT = frozenset({0xA1, 0xA3})  # strings and symbols of up to 255 bytes
_CONSTANTS = {0x40: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0}
"""Values that are nothing but their constructor."""

_NUMBERS = {
    code: struct.Struct(format_)
    for code, format_ in (
        *((0x50, ">B"), (0x51, ">b"), (0x52, ">B"), (0x53, ">B"), (0x54, ">b"), (0x55, ">b")),
        *((0x56, ">?"), (0x60, ">H"), (0x61, ">h"), (0x70, ">I"), (0x71, ">i"), (0x72, ">f")),
        *((0x80, ">Q"), (0x81, ">q"), (0x82, ">d"), (0x83, ">q")),
    )
}
"""Those of one width, which `struct` reads."""

_SMALL_ULONG = 0x53
_WRONG_SIZE = "a compound value is not as long as it says"
_U32 = struct.Struct(">I")
_U32U32 = struct.Struct(">II")


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


def _number(packed: struct.Struct) -> Callable[[bytes, int], tuple[Any, int]]:
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


def _read_items(data: bytes, at: int, end: int, count: int) -> tuple[list[Any], int]:
    if count > end - at or end > len(data):  # each item has a byte at least
        raise CodecError("a compound value claims more than there is")
    items: list[Any] = []
    for _ in range(count):
        code = data[at]
        at += 1
        if code in _SHORT_TEXT:  # most of what messages hold, so without the calls
            start = at + 1
            at = start + data[at]
            items.append(data[start:at].decode())
        elif code in _CONSTANTS:
            items.append(_CONSTANTS[code])
        elif code in _NUMBERS:
            packed = _NUMBERS[code]
            items.append(packed.unpack_from(data, at)[0])
            at += packed.size
        else:
            value, at = _READERS[code](data, at)
            items.append(value)
    if at != end:
        raise CodecError(_WRONG_SIZE)
    return items, end


def _read_list8(data: bytes, at: int) -> tuple[list[Any], int]:
    return _read_items(data, at + 2, at + 1 + data[at], data[at + 1])


def _read_list32(data: bytes, at: int) -> tuple[list[Any], int]:
    size, count = _U32U32.unpack_from(data, at)
    return _read_items(data, at + 8, at + 4 + size, count)


def _read_map8(data: bytes, at: int) -> tuple[dict[Any, Any], int]:
    items, end = _read_items(data, at + 2, at + 1 + data[at], data[at + 1])
    parts = iter(items)
    return dict(zip(parts, parts, strict=True)), end


def _read_map32(data: bytes, at: int) -> tuple[dict[Any, Any], int]:
    size, count = _U32U32.unpack_from(data, at)
    items, end = _read_items(data, at + 8, at + 4 + size, count)
    parts = iter(items)
    return dict(zip(parts, parts, strict=True)), end


def _read_elements(data: bytes, at: int, end: int, count: int) -> tuple[list[Any], int]:
    """Read what an array holds: one constructor, then the values without it.

    Values without width (an array of nulls) may be no more than the array has bytes, so that a
    few bytes cannot claim thousands of millions.
    """
    descriptor, is_described = None, data[at] == 0
    if is_described:
        descriptor, at = _read(data, at + 1)
    read = _READERS[data[at]]
    if count > end - at or end > len(data):
        raise CodecError("an array claims more than there is")
    at += 1
    values = []
    for _ in range(count):
        value, at = read(data, at)
        values.append(Described(descriptor, value) if is_described else value)
    if at != end:
        raise CodecError(_WRONG_SIZE)
    return values, end


def _read_array8(data: bytes, at: int) -> tuple[list[Any], int]:
    return _read_elements(data, at + 2, at + 1 + data[at], data[at + 1])


def _read_array32(data: bytes, at: int) -> tuple[list[Any], int]:
    size, count = _U32U32.unpack_from(data, at)
    return _read_elements(data, at + 8, at + 4 + size, count)


def _read_described(data: bytes, at: int) -> tuple[Described, int]:
    if data[at] == _SMALL_ULONG:  # as nearly every descriptor
        descriptor, at = data[at + 1], at + 2
    else:
        descriptor, at = _read(data, at)
    value, at = _READERS[data[at]](data, at + 1)
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
    for code, value in _CONSTANTS.items():
        readers[code] = _constant(value)
    readers[0x45] = lambda _, at: ([], at)
    for code, packed in _NUMBERS.items():
        readers[code] = _number(packed)
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
