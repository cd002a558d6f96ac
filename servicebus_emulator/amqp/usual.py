"""Field lists as clients usually write them, read in one loop.

Transfers, dispositions and flows are what every message costs, and nearly all of them hold numbers,
flags and nulls only. They begin with what tells them apart; what follows is the same in most frames
of a client, and read once. What this module does not recognise goes the general way, which also
says what is wrong with it.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from servicebus_emulator.amqp.performatives import Disposition, Flow, Transfer
from servicebus_emulator.amqp.types import Described, ULong

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_U32 = struct.Struct(">I")
_U32_PAIR = struct.Struct(">II")
_LIST8 = 0xC0
_LIST32 = 0xD0

_NULL = 0x40
_NULLS = b"\x40"
_SMALL_UINT = 0x52
_UINT = 0x70
_BYTE = 0x50
_BOOLEAN = 0x56
_BINARY = 0xA0
_STRING = 0xA1
_SYMBOL = 0xA3
_DESCRIBED = 0x00
_CONSTANTS: dict[int, Any] = {_NULL: None, 0x41: True, 0x42: False, 0x43: 0}
_ONE_BYTE = frozenset((_SMALL_UINT, _BYTE))

_WIDTHS = {0x43: 1, _SMALL_UINT: 2, _UINT: 5}  # bytes of a number with its constructor
_ROLES = {b"\x41": True, b"\x56\x01": True, b"\x42": False, b"\x56\x00": False}
_MOST_TAILS = 256  # remembered, of each kind of frame

#: The state of nearly all dispositions: described by 0x24, an empty list.
ACCEPTED: Final = Described(ULong(0x24), [])
_ACCEPTED_BYTES = b"\x00\x53\x24\x45"

# Constructors that a field may have here.
MANDATORY_NUMBER: Final = frozenset((0x43, _SMALL_UINT, _UINT))
NUMBER: Final = MANDATORY_NUMBER | {_NULL}
MANDATORY_FLAG: Final = frozenset((0x41, 0x42, _BOOLEAN))
FLAG: Final = MANDATORY_FLAG | {_NULL}
BYTES: Final = frozenset((_NULL, _BINARY))
TEXT: Final = frozenset((_NULL, _STRING))
SYMBOL: Final = frozenset((_NULL, _SYMBOL))
NOTHING: Final = frozenset((_NULL,))

_TRANSFER_FIELDS = (
    MANDATORY_NUMBER,  # handle
    NUMBER,  # delivery-id
    BYTES,  # delivery-tag
    NUMBER,  # message-format
    FLAG,  # settled
    FLAG,  # more
    frozenset((_NULL, _BYTE)),  # rcv-settle-mode
    NOTHING,  # state
    FLAG,  # resume
    FLAG,  # aborted
    FLAG,  # batchable
)
_DISPOSITION_FIELDS = (
    MANDATORY_FLAG,  # role
    MANDATORY_NUMBER,  # first
    NUMBER,  # last
    FLAG,  # settled
    frozenset((_NULL, _DESCRIBED)),  # state
    FLAG,  # batchable
)
_FLOW_FIELDS = (
    NUMBER,  # next-incoming-id
    MANDATORY_NUMBER,  # incoming-window
    MANDATORY_NUMBER,  # next-outgoing-id
    MANDATORY_NUMBER,  # outgoing-window
    NUMBER,  # handle
    NUMBER,  # delivery-count
    NUMBER,  # link-credit
    NUMBER,  # available
    FLAG,  # drain
    FLAG,  # echo
    NOTHING,  # properties
)


def read_fields(
    data: bytes, position: int, end: int, usual: Sequence[frozenset[int]], least: int = 0
) -> tuple[list[Any], int] | None:
    """Read the list at `position`, when it has nothing unusual.

    Args:
        data: what holds the list.
        position: of its constructor.
        end: of what the list may extend to.
        usual: the constructors that each field may have here, in the order of the fields.
        least: how many fields have to be there, the last of them not null.

    Returns:
        The fields, with None for each that is missing, and the position after the list; None when
        the general way has to look (rare constructors, wrong types, sizes that do not fit).
    """
    try:
        count, position, after = _bounds(data, position)
        if after > end or count > len(usual):
            return None
        nulls = position + len(data[position:after].rstrip(_NULLS))  # from here there is no other
        fields: list[Any] = []
        for allowed in usual:
            if position >= nulls:
                break
            code = data[position]
            if code not in allowed:
                return None
            if code in _CONSTANTS:
                fields.append(_CONSTANTS[code])
                position += 1
            elif code in _ONE_BYTE:
                fields.append(data[position + 1])
                position += 2
            elif code == _UINT:
                fields.append(_U32.unpack_from(data, position + 1)[0])
                position += 5
            else:
                value, position = _READERS[code](data, position + 1)
                fields.append(value)
    except (IndexError, ValueError, struct.error):
        return None
    known = len(fields)
    if known < least or after - position != count - known:
        return None
    fields += [None] * (len(usual) - known)
    return fields, after


def _bounds(data: bytes, position: int) -> tuple[int, int, int]:
    """Return the count of the list at `position`, where its items start and where it ends."""
    code = data[position]
    if code == _LIST8:
        return data[position + 2], position + 3, position + 2 + data[position + 1]
    if code == _LIST32:
        size, count = _U32_PAIR.unpack_from(data, position + 1)
        return count, position + 9, position + 5 + size
    raise ValueError(code)


def _read_boolean(data: bytes, position: int) -> tuple[bool, int]:
    octet = data[position]
    if octet > 1:
        raise ValueError(octet)
    return octet == 1, position + 1


def _read_binary(data: bytes, position: int) -> tuple[bytes, int]:
    start = position + 1
    end = start + data[position]
    return data[start:end], end


def _read_string(data: bytes, position: int) -> tuple[str, int]:
    start = position + 1
    end = start + data[position]
    return data[start:end].decode(), end


def _read_symbol(data: bytes, position: int) -> tuple[str, int]:
    start = position + 1
    end = start + data[position]
    return data[start:end].decode("ascii"), end


def _read_accepted(data: bytes, position: int) -> tuple[Described, int]:
    end = position - 1 + len(_ACCEPTED_BYTES)
    if data[position - 1 : end] != _ACCEPTED_BYTES:
        raise ValueError(position)
    return ACCEPTED, end


_READERS: dict[int, Callable[[bytes, int], tuple[Any, int]]] = {
    _BOOLEAN: _read_boolean,
    _BINARY: _read_binary,
    _STRING: _read_string,
    _SYMBOL: _read_symbol,
    _DESCRIBED: _read_accepted,
}


class _Shape(NamedTuple):
    """What is usual of a performative: the constructors of each field, and which are flags."""

    make: Callable[..., Any]
    usual: Sequence[frozenset[int]]
    flags: Sequence[int]  # fields that are false where they are null
    least: int


def _read(shape: _Shape, data: bytes, position: int, end: int) -> tuple[Any, int] | None:
    found = read_fields(data, position, end, shape.usual, shape.least)
    if found is None:
        return None
    fields, after = found
    for flag in shape.flags:
        fields[flag] = fields[flag] is True
    return shape.make(*fields), after


def _tail_reader(shape: _Shape, skipped: int) -> Callable[[bytes, int], tuple[Any, ...] | None]:
    """Make a reader of the fields after the first of a list8: a client has few such tails."""
    flags = [flag - skipped for flag in shape.flags]
    tail_shape = _Shape(lambda *fields: fields, shape.usual[skipped:], flags, 0)

    @lru_cache(maxsize=_MOST_TAILS)
    def read_tail(tail: bytes, count: int) -> tuple[Any, ...] | None:
        data = bytes((_LIST8, len(tail) + 1, count)) + tail
        found = _read(tail_shape, data, 0, len(data))
        return None if found is None else found[0]

    return read_tail


_TRANSFER = _Shape(Transfer, _TRANSFER_FIELDS, (5, 8, 9, 10), 1)
_DISPOSITION = _Shape(Disposition, _DISPOSITION_FIELDS, (3, 5), 2)
_FLOW = _Shape(Flow, _FLOW_FIELDS, (8, 9), 4)
_transfer_tail = _tail_reader(_TRANSFER, 3)
_disposition_tail = _tail_reader(_DISPOSITION, 2)


def read_transfer(data: bytes, position: int, end: int) -> tuple[Transfer, int] | None:
    """Read a transfer's field list; the transfer and where its payload starts, as `read_fields`."""
    try:
        at = position + 3
        width = _WIDTHS[data[at]]
        handle = int.from_bytes(data[at + 1 : at + width], "big")
        at += width
        width = _WIDTHS[data[at]]
        number = int.from_bytes(data[at + 1 : at + width], "big")
        at += width
        tag_at, after = at + 2, position + 2 + data[position + 1]
        tail_at = tag_at + data[at + 1]
        is_usual = data[position] == _LIST8 and data[at] == _BINARY and tail_at <= after <= end
        tail = _transfer_tail(data[tail_at:after], data[position + 2] - 3) if is_usual else None
    except (LookupError, ValueError):
        tail = None
    if tail is None:
        return _read(_TRANSFER, data, position, end)
    return Transfer(handle, number, data[tag_at:tail_at], *tail), after


def read_disposition(data: bytes, position: int, end: int) -> tuple[Disposition, int] | None:
    """Read a disposition's field list, as `read_transfer`."""
    try:
        at = position + (5 if data[position + 3] == _BOOLEAN else 4)
        role = _ROLES[data[position + 3 : at]]
        width = _WIDTHS[data[at]]
        first = int.from_bytes(data[at + 1 : at + width], "big")
        at, after = at + width, position + 2 + data[position + 1]
        is_usual = data[position] == _LIST8 and at <= after <= end
        tail = _disposition_tail(data[at:after], data[position + 2] - 2) if is_usual else None
    except (LookupError, ValueError):
        tail = None
    if tail is None:
        return _read(_DISPOSITION, data, position, end)
    return Disposition(role, first, *tail), after


def read_flow(data: bytes, position: int, end: int) -> tuple[Flow, int] | None:
    """Read a flow's field list, as `read_transfer`; it is nearly all numbers."""
    return _read(_FLOW, data, position, end)


#: By descriptor code.
READERS: Final[dict[int, Callable[[bytes, int, int], tuple[Any, int] | None]]] = {
    0x13: read_flow,
    0x14: read_transfer,
    0x15: read_disposition,
}
