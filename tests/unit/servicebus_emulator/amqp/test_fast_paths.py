from __future__ import annotations

import struct

import pytest

from servicebus_emulator.amqp.codec import encode
from servicebus_emulator.amqp.fast_paths import (
    decode_transfer,
    encode_accepted,
    encode_continuation,
    encode_transfer,
)
from servicebus_emulator.amqp.outcomes import Accepted, to_described
from servicebus_emulator.amqp.performatives import Disposition, Transfer
from servicebus_emulator.amqp.schemas import decode_performative, encode_body
from servicebus_emulator.amqp.types import Described, UInt, ULong


@pytest.mark.parametrize("role", [True, False])
def test_an_accepted_disposition_is_what_the_schema_says(role: bool) -> None:
    body = encode_accepted(role, 1, 0xFFFFFFFF)
    frame, end = decode_performative(body, 0, len(body))
    assert frame == Disposition(role, 1, 0xFFFFFFFF, True, to_described(Accepted()))
    assert end == len(body)


@pytest.mark.parametrize("settled", [True, False])
@pytest.mark.parametrize("tag", [b"", b"t" * 32])
def test_the_first_transfer_is_what_the_schema_says(settled: bool, tag: bytes) -> None:
    for body, more in zip(
        encode_transfer(300, 7, tag, 0x80013700, settled), (False, True), strict=True
    ):
        assert decode_performative(body + b"payload", 0, len(body) + 7) == (
            Transfer(300, 7, tag, 0x80013700, settled, more),
            len(body),
        )


def test_a_continuation_leaves_out_delivery_id_and_tag() -> None:
    for body, more in zip(encode_continuation(3, True), (False, True), strict=True):
        transfer, _ = decode_performative(body, 0, len(body))
        assert transfer == Transfer(3, settled=True, more=more)


TRANSFERS = [
    Transfer(0),
    Transfer(5, 0, b"t", 0, True, True, 1, None, True, True, True),
    Transfer(70000, 70000, b"t" * 32, 70000, False),
]


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_a_usual_transfer_is_decoded_quickly(transfer: Transfer) -> None:
    body = encode_body(transfer)
    assert decode_transfer(body, 3, len(body)) == (transfer, len(body))


def test_a_list_with_a_wide_constructor_is_usual() -> None:
    fields = encode([UInt(1), None])[3:]
    body = b"\x00\x53\x14\xd0" + struct.pack(">II", len(fields) + 4, 2) + fields
    assert decode_transfer(body, 3, len(body)) == (Transfer(1), len(body))


UNUSUAL = {
    "no list": encode({}),
    "no fields": encode([]),
    "no fields, in a list8": b"\xc0\x01\x00",
    "too many fields": encode([ULong(1)] + [None] * 11),
    "a delivery state": encode_body(Transfer(1, state=Described(ULong(0x24), [])))[3:],
    "a handle of another type": encode(["handle"]),
    "items shorter than the list": b"\xc0\x04\x01\x52\x01\x40",
}


@pytest.mark.parametrize("data", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_what_is_unusual_goes_the_general_way(data: bytes) -> None:
    assert decode_transfer(data, 0, len(data)) is None


def test_a_list_beyond_the_frame_goes_the_general_way() -> None:
    body = encode_body(TRANSFERS[0])
    assert decode_transfer(body, 3, len(body) - 1) is None
