from __future__ import annotations

from typing import Any

import pytest

from celery_azure.amqp.codec import CodecError, Described, encode
from celery_azure.amqp.decoder import decode
from tests.unit.celery_azure.amqp.test_codec import VALUES


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_bytes_that_end_too_soon_are_refused(value: Any) -> None:
    data = encode(value)
    for end in range(len(data)):
        with pytest.raises(CodecError):
            decode(data[:end])


@pytest.mark.parametrize(
    "data",
    [
        b"\x01",
        b"\xd0\x00\x00\x00\x08\xff\xff\xff\xff",
        b"\xc1\x03\x01\x40\x40",
        b"\xa1\x01\xff",
        b"\x00" * 100_000,
        b"\xf0\x00\x00\x00\x08\xff\xff\xff\xff\x98",
        b"\xf0\xff\xff\xff\xff\xff\xff\xff\xf0\x40",
        b"\xe0\x02\xff\x40",
        b"\xc0\x03\x01\x41",
        b"\xc0\x01\x01\x41",
        b"\xc1\x04\x02\x45\x40",
    ],
    ids=[
        *("constructor", "count", "odd map", "utf-8", "nesting", "array count"),
        *(
            "a thousand million nulls",
            "nulls without bytes",
            "too long",
            "too short",
            "list as key",
        ),
    ],
)
def test_bytes_that_are_no_value_are_refused(data: bytes) -> None:
    with pytest.raises(CodecError):
        decode(data)


def test_a_decimal_of_a_stranger_stays_bytes() -> None:
    assert decode(b"\x94" + bytes(16)) == (bytes(16), 17)


def test_a_descriptor_of_an_array_belongs_to_each_of_its_values() -> None:
    data = b"\xe0\x07\x02\x00\x53\x24\x50\x01\x02"
    assert decode(data) == ([Described(0x24, 1), Described(0x24, 2)], len(data))


def test_a_few_bytes_cannot_claim_much_work() -> None:
    inner = b"\xf0" + (5).to_bytes(4, "big") + (60_000).to_bytes(4, "big") + b"\x40"
    with pytest.raises(CodecError):
        decode(encode([b""])[:1] + bytes([len(inner) + 1, 1]) + inner)
