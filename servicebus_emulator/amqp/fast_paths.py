"""The frame bodies that every message costs, by hand: transfer, and accepted dispositions.

Equal in value to what the schemas make of the same fields; tests
compare the two.
"""

from __future__ import annotations

import struct
from typing import Any

from servicebus_emulator.amqp.performatives import Transfer

_U32 = struct.Struct(">I")
_U32_PAIR = struct.Struct(">II")
_BOOLEANS = (b"\x42", b"\x41")

# 00 53 15 disposition, list8 of 18 bytes and 6 fields: role, first and last as uint ...
_ACCEPTED = struct.Struct(">6scBIBI6s")
_ACCEPTED_START = b"\x00\x53\x15\xc0\x12\x06"
# ... settled true, state accepted (00 53 24, list0), batchable false.
_ACCEPTED_END = b"\x41\x00\x53\x24\x45\x42"


def encode_accepted(role: bool, first: int, last: int) -> bytes:
    """Encode disposition(role, first, last, settled=true, state=accepted)."""
    return _ACCEPTED.pack(_ACCEPTED_START, _BOOLEANS[role], 0x70, first, 0x70, last, _ACCEPTED_END)


# rcv-settle-mode null, state null, resume false, aborted false, batchable false
_TRANSFER_END = b"\x40\x40\x42\x42\x42"


def encode_transfer(
    handle: int, delivery_id: int, delivery_tag: bytes, message_format: int, settled: bool
) -> tuple[bytes, bytes]:
    """Encode the first transfer of a delivery, with more=false and with more=true."""
    start = b"\x70%b\x70%b\xa0%c%b\x70%b%b" % (
        _U32.pack(handle),
        _U32.pack(delivery_id),
        len(delivery_tag),
        delivery_tag,
        _U32.pack(message_format),
        _BOOLEANS[settled],
    )
    return _transfer_body(start, b"\x42"), _transfer_body(start, b"\x41")


def encode_continuation(handle: int, settled: bool) -> tuple[bytes, bytes]:
    """Encode a transfer that continues a delivery, with more=false and with more=true.

    It leaves out delivery-id and tag: clients take a frame with an id for a first one.
    """
    start = b"\x70%b\x40\x40\x40%b" % (_U32.pack(handle), _BOOLEANS[settled])
    return _transfer_body(start, b"\x42"), _transfer_body(start, b"\x41")


def _transfer_body(start: bytes, more: bytes) -> bytes:
    # list8: its size counts the count byte, the fields before `more`, `more`, and the rest
    size = 1 + len(start) + 1 + len(_TRANSFER_END)
    return b"\x00\x53\x14\xc0%c\x0b%b%b%b" % (size, start, more, _TRANSFER_END)


_LIST8 = 0xC0
_LIST32 = 0xD0
_UINT = 0x70
_CONSTANTS: dict[int, Any] = {0x40: None, 0x41: True, 0x42: False, 0x43: 0}
_ONE_BYTE = frozenset((0x50, 0x52))  # ubyte, smalluint

_NUMBER = frozenset((0x40, 0x43, 0x52, 0x70))
_FLAG = frozenset((0x40, 0x41, 0x42))
#: Constructors that each field may have here, in the order of the fields.
_USUAL = (
    _NUMBER - {0x40},  # handle
    _NUMBER,  # delivery-id
    frozenset((0x40, 0xA0)),  # delivery-tag
    _NUMBER,  # message-format
    _FLAG,  # settled
    _FLAG,  # more
    frozenset((0x40, 0x50)),  # rcv-settle-mode
    frozenset((0x40,)),  # state
    _FLAG,  # resume
    _FLAG,  # aborted
    _FLAG,  # batchable
)
_NULLS = [None] * len(_USUAL)


def decode_transfer(data: bytes, position: int, end: int) -> tuple[Transfer, int] | None:
    """Decode a transfer's field list at `position`, when it has nothing unusual.

    Returns:
        The transfer and the position of its payload; None when the general way has to look
        (a delivery state, rare constructors, wrong types, sizes that do not fit).

    Raises:
        IndexError, struct.error: too few bytes.
    """
    code = data[position]
    if code == _LIST8:
        count = data[position + 2]
        after = position + 2 + data[position + 1]
        position += 3
    elif code == _LIST32:
        size, count = _U32_PAIR.unpack_from(data, position + 1)
        after = position + 5 + size
        position += 9
    else:
        return None
    if after > end or not 0 < count <= len(_USUAL):
        return None
    fields: list[Any] = []
    for usual in _USUAL[:count]:
        code = data[position]
        position += 1
        if code not in usual:
            return None
        if code in _CONSTANTS:
            fields.append(_CONSTANTS[code])
        elif code in _ONE_BYTE:
            fields.append(data[position])
            position += 1
        elif code == _UINT:
            fields.append(_U32.unpack_from(data, position)[0])
            position += 4
        else:
            start = position + 1
            position = start + data[position]
            fields.append(data[start:position])
    if position != after:
        return None
    fields += _NULLS[count:]
    handle, number, tag, form, settled, more, mode, state, resume, aborted, batchable = fields
    transfer = Transfer(
        handle,
        number,
        tag,
        form,
        settled,
        more is True,
        mode,
        state,
        resume is True,
        aborted is True,
        batchable is True,
    )
    return transfer, after
