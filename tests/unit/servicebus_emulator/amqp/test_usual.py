from __future__ import annotations

import struct

import pytest

from servicebus_emulator.amqp import usual
from servicebus_emulator.amqp.codec import decode_at, encode
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.outcomes import Accepted, Released, to_described
from servicebus_emulator.amqp.performatives import Disposition, Flow, Transfer
from servicebus_emulator.amqp.schemas import PERFORMATIVES, decode_performative, encode_body
from servicebus_emulator.amqp.types import Described, UInt, ULong
from servicebus_emulator.amqp.usual import READERS, read_fields, read_transfer

ACCEPTED = to_described(Accepted())
FRAMES: list[Transfer | Disposition | Flow] = [
    Transfer(0),
    Transfer(5, 0, b"t", 0, True, True, 1, None, True, True, True),
    Transfer(70000, 70000, b"t" * 32, 70000, False),
    Disposition(True, 0),
    Disposition(False, 5, 70000, True, ACCEPTED, True),
    Flow(None, 65535, 0, 1),
    Flow(1, 65535, 70000, 1, 0, 2, 100, 0, True, True),
]


@pytest.mark.parametrize("frame", FRAMES)
def test_a_usual_frame_is_read_quickly(frame: Transfer | Disposition | Flow) -> None:
    body = encode_body(frame)
    assert READERS[body[2]](body, 3, len(body)) == (frame, len(body))


def test_a_frame_as_the_python_sdk_writes_it_is_read_quickly() -> None:
    """Its booleans take two bytes."""
    fields = bytes.fromhex("5203 5204 a00400000004 43 5600 5601 40 40 40 40 40")
    body = b"\xc0" + bytes((len(fields) + 1, 11)) + fields + b"payload"
    assert read_transfer(body, 0, len(body)) == (
        Transfer(3, 4, b"\0\0\0\4", 0, False, True),
        len(body) - len(b"payload"),
    )


def test_a_list_with_a_wide_constructor_is_usual() -> None:
    fields = encode([UInt(1), None])[3:]
    body = b"\xd0" + struct.pack(">II", len(fields) + 4, 2) + fields
    assert read_transfer(body, 0, len(body)) == (Transfer(1), len(body))


UNUSUAL = {
    "nothing": b"",
    "no list": encode({}),
    "no fields": encode([]),
    "no fields, in a list8": b"\xc0\x01\x00",
    "too many fields": encode([ULong(1)] + [None] * 11),
    "a delivery state": encode_body(Transfer(1, state=Described(ULong(0x24), [])))[3:],
    "a handle of another type": encode(["handle"]),
    "a boolean of value 2": b"\xc0\x08\x05\x43\x40\x40\x40\x56\x02\x40",
    "items shorter than the list": b"\xc0\x04\x01\x52\x01\x40",
    "a number cut off": b"\xc0\x03\x01\x70\x00",
}


@pytest.mark.parametrize("data", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_what_is_unusual_goes_the_general_way(data: bytes) -> None:
    assert read_transfer(data, 0, len(data)) is None


def test_a_list_beyond_the_frame_goes_the_general_way() -> None:
    body = encode_body(FRAMES[0])
    assert read_transfer(body, 3, len(body) - 1) is None


CHANGES = (b"", b"\x00", b"\x40", b"\x43", b"\x56", b"\x70", b"\xa0", b"\xff")


@pytest.mark.parametrize("frame", FRAMES)
def test_a_spoiled_frame_is_read_as_the_general_way_reads_it_or_not_at_all(
    frame: Transfer | Disposition | Flow,
) -> None:
    body = encode_body(frame)
    read, found = READERS[body[2]], 0
    general = {schema.code: schema for schema in PERFORMATIVES}[body[2]]
    for at in range(3, len(body)):
        for change in CHANGES:
            spoiled = body[:at] + change + body[at + 1 :]
            quick = read(spoiled, 3, len(spoiled))
            if quick is not None:
                found += 1
                described, end = decode_at(spoiled, 0)
                assert quick == (general.build(described.value), end)
    assert found > 0


UNUSUAL_FRAMES: list[Transfer | Disposition | Flow] = [
    Disposition(True, 0, 0, True, to_described(Released())),
    Flow(1, 2, 3, 4, properties={}),
]


@pytest.mark.parametrize("frame", UNUSUAL_FRAMES)
def test_an_unusual_frame_is_read_the_general_way(frame: Disposition | Flow) -> None:
    body = encode_body(frame)
    assert READERS[body[2]](body, 3, len(body)) is None
    assert decode_performative(body, 0, len(body)) == (frame, len(body))


@pytest.mark.parametrize("code", [0x13, 0x15])
def test_what_lacks_mandatory_fields_is_refused_the_general_way(code: int) -> None:
    one_field = b"\xc0\x02\x01" + (b"\x41" if code == 0x15 else b"\x43")
    body = b"\x00\x53" + bytes((code,)) + one_field
    assert READERS[code](body, 3, len(body)) is None
    with pytest.raises(DecodeError, match="mandatory"):
        decode_performative(body, 0, len(body))


def test_a_text_that_ends_like_a_null_is_whole() -> None:
    data = b"\xc0\x06\x03\xa1\x01@\x40\x40"
    assert read_fields(data, 0, len(data), (usual.TEXT,) * 4) == (["@", *[None] * 3], len(data))


def test_a_list_that_ends_in_fewer_nulls_than_it_has_fields_goes_the_general_way() -> None:
    data = b"\xc0\x04\x03\x43\x43\x40\x40"
    assert read_fields(data, 0, len(data) - 1, (usual.NUMBER,) * 4) == ([0, 0, None, None], 6)
    data = b"\xc0\x05\x03\x43\x43\x40\x40"
    assert read_fields(data, 0, len(data), (usual.NUMBER,) * 4) is None


def test_texts_are_decoded() -> None:
    data = b"\xc0\x09\x03\xa1\x02\xc3\xa4\xa3\x01s\x40"
    kinds = (usual.TEXT, usual.SYMBOL, usual.TEXT, usual.TEXT)
    assert read_fields(data, 0, len(data), kinds) == (["ä", "s", None, None], len(data))


@pytest.mark.parametrize("data", [b"\xc0\x04\x01\xa1\x01\xff", b"\xc0\x04\x01\xa3\x01\xff"])
def test_texts_in_no_charset_go_the_general_way(data: bytes) -> None:
    assert read_fields(data, 0, len(data), (usual.TEXT | usual.SYMBOL,)) is None
