from __future__ import annotations

import math
import uuid
from typing import Any

import pytest

from servicebus_emulator.amqp.codec import decode, decode_at, encode, skip_at
from servicebus_emulator.amqp.types import (
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

# Value and its encoding, by hand from AMQP 1.0 types 1.6.
SAMPLES: list[tuple[Any, str]] = [
    (None, "40"),
    (True, "41"),
    (False, "42"),
    (UByte(255), "50ff"),
    (UShort(258), "600102"),
    (UInt(0), "43"),
    (UInt(255), "52ff"),
    (UInt(256), "7000000100"),
    (ULong(0), "44"),
    (ULong(1), "5301"),
    (ULong(256), "800000000000000100"),
    (Byte(-1), "51ff"),
    (Short(-2), "61fffe"),
    (Int(-128), "5480"),
    (Int(128), "7100000080"),
    (-1, "55ff"),
    (127, "557f"),
    (128, "810000000000000080"),
    (Float(1.0), "723f800000"),
    (1.0, "823ff0000000000000"),
    (Decimal32(b"abcd"), "7461626364"),
    (Decimal64(b"abcdefgh"), "846162636465666768"),
    (Decimal128(bytes(16)), "94" + "00" * 16),
    (Char("é"), "73000000e9"),
    (Timestamp(1), "830000000000000001"),
    (uuid.UUID(int=1), "98" + "00" * 15 + "01"),
    (b"", "a000"),
    (b"ab", "a0026162"),
    (b"x" * 256, "b000000100" + "78" * 256),
    ("é", "a102c3a9"),
    ("x" * 256, "b100000100" + "78" * 256),
    (Symbol("amqp"), "a304616d7170"),
    (Symbol("x" * 256), "b300000100" + "78" * 256),
    ([], "45"),
    ([None, True], "c003024041"),
    ([b"x" * 252], "c0ff01" + "a0fc" + "78" * 252),
    ([b"x" * 253], "d000000103" + "00000001" + "a0fd" + "78" * 253),
    ({}, "c10100"),
    ({"a": None}, "c10502a1016140"),
    (Array(Symbol, (Symbol("a"),)), "e00701b30000000161"),
    (Array(type(None), (None, None)), "e0020240"),
    (Array(int, (), None), "e0020081"),
    (Array(bool, (True, False)), "e00402560100"),
    (Array(UInt, (UInt(1),), ULong(5)), "e00901" + "005305" + "7000000001"),
    (Described(ULong(0x24), []), "00532445"),
    (Described(Symbol("a:b"), "c"), "00a303613a62a10163"),
]
IDS = [encoded[:24] for _, encoded in SAMPLES]


def same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


@pytest.mark.parametrize(("value", "encoded"), SAMPLES, ids=IDS)
def test_a_value_has_the_encoding_of_the_specification(value: Any, encoded: str) -> None:
    assert encode(value).hex() == encoded


@pytest.mark.parametrize(("value", "encoded"), SAMPLES, ids=IDS)
def test_an_encoding_gives_back_value_and_type(value: Any, encoded: str) -> None:
    assert same(decode(bytes.fromhex(encoded)), value)


@pytest.mark.parametrize(("value", "encoded"), SAMPLES, ids=IDS)
def test_bytes_after_a_value_are_left_alone(value: Any, encoded: str) -> None:
    data = b"\xff" + bytes.fromhex(encoded) + b"\xff\xff"
    assert decode_at(data, 1) == (value, len(data) - 2)
    assert skip_at(data, 1) == len(data) - 2


def test_not_a_number_survives() -> None:
    assert math.isnan(decode(encode(math.nan)))
