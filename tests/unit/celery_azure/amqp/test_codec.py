from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from celery_azure.amqp.codec import (
    CodecError,
    Described,
    Int,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
    UuidArray,
    encode,
    is_representable,
)
from celery_azure.amqp.decoder import decode

ID = uuid.UUID(int=7)
VALUES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**63 - 1, -(2**63), 0.5, float("inf"), "", "é😀", "x" * 256),
    *(b"", b"\0" * 255, b"\0" * 256, ID, [], [1, "a", None], ["x"] * 300, {}, {"a": 1, "b": [2]}),
    *({"key": "v" * 300}, {str(number): number for number in range(200)}),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:20])
def test_what_is_written_is_read_again(value: Any) -> None:
    data = encode(value)
    assert decode(data) == (value, len(data))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (UByte(200), b"\x50\xc8"),
        (UShort(1), b"\x60\x00\x01"),
        (UInt(0), b"\x43"),
        (UInt(255), b"\x52\xff"),
        (UInt(256), b"\x70\x00\x00\x01\x00"),
        (ULong(0x24), b"\x53\x24"),
        (ULong(2**40), b"\x80\x00\x00\x01\x00\x00\x00\x00\x00"),
        (Int(-2), b"\x71\xff\xff\xff\xfe"),
        (Timestamp(1), b"\x83" + bytes(7) + b"\x01"),
        (datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), b"\x83" + bytes(6) + b"\x03\xe8"),
        (Symbol("ab"), b"\xa3\x02ab"),
        (Described(ULong(0x77), "x"), b"\x00\x53\x77\xa1\x01x"),
    ],
    ids=repr,
)
def test_each_type_has_the_bytes_of_the_specification(value: Any, expected: bytes) -> None:
    assert encode(value) == expected


def test_an_array_of_uuids_is_read_as_a_list() -> None:
    data = encode(UuidArray((ID, ID)))
    assert decode(data) == ([ID, ID], len(data))


@pytest.mark.parametrize(
    "value", [object(), 2**63, {1, 2}, (1,)], ids=["object", "int", "set", "tuple"]
)
def test_what_has_no_type_is_refused(value: Any) -> None:
    with pytest.raises(CodecError):
        encode(value)


@pytest.mark.parametrize(
    "value",
    [
        *(UByte(256), UByte(-1), UShort(2**16), UShort(-1), UInt(2**32), UInt(-1), Int(2**31)),
        *(ULong(2**64), ULong(-1), Timestamp(2**63), 10**400, -(2**63) - 1),
    ],
    ids=lambda value: f"{type(value).__name__} of {value.bit_length()} bits",
)
def test_a_number_outside_of_its_type_is_refused(value: Any) -> None:
    with pytest.raises(CodecError, match="does not fit into"):
        encode(value)


@pytest.mark.parametrize("value", ["a\ud800", {"\udfff": 1}, ["\udc00\ud800"]], ids=repr)
def test_half_a_character_is_refused(value: Any) -> None:
    with pytest.raises(CodecError, match="no Unicode"):
        encode(value)


def test_a_symbol_beyond_ascii_is_refused() -> None:
    with pytest.raises(CodecError, match="not ASCII at 3"):
        encode(Symbol("caf\u00e9"))


def test_a_value_that_holds_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(CodecError, match="too deeply"):
        encode(value)


@pytest.mark.parametrize("value", ["", "x", 0, 2**63 - 1, True, 0.5])
def test_what_comes_back_as_it_was_is_representable(value: Any) -> None:
    assert is_representable(value)


@pytest.mark.parametrize("value", [None, 2**63, [], {}, b"", Symbol("x"), Timestamp(1)], ids=repr)
def test_what_would_come_back_otherwise_is_not(value: Any) -> None:
    assert not is_representable(value)
