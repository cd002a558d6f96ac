"""What every message costs on its way out, by hand: transfer, and accepted dispositions.

Equal in value to what the schemas make of the same fields; tests compare the two. The other
direction is in `usual.py`.
"""

from __future__ import annotations

import struct
from functools import lru_cache

from servicebus_emulator.amqp.framing import AMQP_FRAME, MIN_DATA_OFFSET

_U32 = struct.Struct(">I")
_BOOLEANS = (b"\x42", b"\x41")

# The frame's header; 00 53 15 disposition, list8 of 18 bytes and 6 fields: role, first and last
# as uint ...
_ACCEPTED = struct.Struct(">IBBH6scBIBI6s")
_ACCEPTED_START = b"\x00\x53\x15\xc0\x12\x06"
# ... settled true, state accepted (00 53 24, list0), batchable false.
_ACCEPTED_END = b"\x41\x00\x53\x24\x45\x42"


def accepted_frame(channel: int, role: bool, first: int, last: int) -> bytes:
    """Encode a frame of disposition(role, first, last, settled=true, state=accepted)."""
    return _ACCEPTED.pack(
        _ACCEPTED.size,
        MIN_DATA_OFFSET,
        AMQP_FRAME,
        channel,
        _ACCEPTED_START,
        _BOOLEANS[role],
        0x70,
        first,
        0x70,
        last,
        _ACCEPTED_END,
    )


# 00 53 14 transfer, list8 of 11 fields: handle and delivery-id as uint, the length of the tag ...
_TRANSFER = struct.Struct(">4sBBBIBIBB")
_TRANSFER_START = b"\x00\x53\x14\xc0"
_FIELDS = 11
# ... rcv-settle-mode null, state null, resume false, aborted false, batchable false.
_TRANSFER_END = b"\x40\x40\x42\x42\x42"
_MORE_AT = -len(_TRANSFER_END) - 1
_SIZE_WITHOUT_TAG = 25


def encode_transfer(
    handle: int, delivery_id: int, delivery_tag: bytes, message_format: int, settled: bool
) -> bytes:
    """Encode the first transfer of a delivery, with more=false."""
    size = len(delivery_tag)
    start = _TRANSFER.pack(
        _TRANSFER_START,
        _SIZE_WITHOUT_TAG + size,
        _FIELDS,
        0x70,
        handle,
        0x70,
        delivery_id,
        0xA0,
        size,
    )
    return start + delivery_tag + _after_tag(message_format, settled)


@lru_cache(maxsize=16)
def _after_tag(message_format: int, settled: bool) -> bytes:
    start = b"\x70%b%b\x42" % (_U32.pack(message_format), _BOOLEANS[settled])
    return start + _TRANSFER_END


def encode_continuation(handle: int, settled: bool) -> bytes:
    """Encode a transfer that continues a delivery, with more=false.

    It leaves out delivery-id and tag: clients take a frame with an id for a first one.
    """
    fields = b"\x70%b\x40\x40\x40%b\x42" % (_U32.pack(handle), _BOOLEANS[settled])
    fields += _TRANSFER_END
    return b"%b%c%c%b" % (_TRANSFER_START, len(fields) + 1, _FIELDS, fields)


def with_more(transfer: bytes) -> bytes:
    """Return a transfer of this module with more=true."""
    return transfer[:_MORE_AT] + b"\x41" + _TRANSFER_END
