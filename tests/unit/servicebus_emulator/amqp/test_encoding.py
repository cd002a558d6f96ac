from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest

from servicebus_emulator.amqp.decoding import decode
from servicebus_emulator.amqp.encoding import encode
from servicebus_emulator.amqp.errors import EncodeError
from servicebus_emulator.amqp.types import (
    MAX_COUNT,
    MAX_DEPTH,
    MAX_EMPTY_ITEMS,
    Array,
    Char,
    Decimal32,
    Described,
    Symbol,
    UByte,
    UInt,
    ULong,
)


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def nested_arrays(depth: int) -> Array:
    value = Array(int, (1,))
    for _ in range(depth):
        value = Array(Array, (value,))
    return value


IMPOSSIBLE = {
    "no AMQP type": object(),
    "ubyte too large": UByte(256),
    "uint too large": UInt(1 << 32),
    "ulong negative": ULong(-1),
    "long too large": 1 << 63,
    "symbol that is no ASCII": Symbol("é"),
    "string with a lone surrogate": "\ud800",
    "char of two": Char("ab"),
    "decimal of a wrong width": Decimal32(b"abc"),
    "nested too deep": nested(MAX_DEPTH),
    "described too deep": nested(MAX_DEPTH - 1) and Described("d", nested(MAX_DEPTH - 1)),
    "arrays nested too deep": nested_arrays(MAX_DEPTH),
    "list too long": [None] * (MAX_COUNT + 1),
    "array of lists, one too long": Array(list, ([None] * (MAX_COUNT + 1),)),
    "array of no AMQP type": Array(object, ()),
    "array of two types": Array(int, (1, "a")),
    "array of too many nulls": Array(type(None), (None,) * (MAX_EMPTY_ITEMS + 1)),
}


@pytest.mark.parametrize("value", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_a_value_without_encoding_is_an_encode_error(value: Any) -> None:
    with pytest.raises(EncodeError):
        encode(value)


def test_a_subclass_is_encoded_as_the_type_that_it_extends() -> None:
    class Answer(IntEnum):
        YES = 1

    assert encode(Answer.YES) == encode(1)


def test_tuples_and_other_bytes_are_lists_and_binaries() -> None:
    assert encode((1, bytearray(b"a"), memoryview(b"b"))) == encode([1, b"a", b"b"])


@pytest.mark.parametrize(
    "array",
    [
        Array(list, ([], [1, "a"])),
        Array(dict, ({}, {"a": 1})),
        Array(Array, (Array(int, (1,)), Array(Symbol, (Symbol("x" * 300),)))),
        Array(str, ("x" * 300,)),
        Array(bytes, (b"", b"a")),
        Array(Char, (Char("a"),)),
        Array(Decimal32, (Decimal32(b"abcd"),)),
    ],
)
def test_arrays_of_everything_come_back(array: Array) -> None:
    assert decode(encode(array)) == array
