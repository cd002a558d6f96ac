from __future__ import annotations

import pytest

from servicebus_emulator.amqp.types import (
    Array,
    Char,
    Described,
    Float,
    Int,
    Symbol,
    Timestamp,
    UInt,
    ULong,
)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Symbol("a"), "a"),
        (Char("a"), "a"),
        (UInt(1), 1),
        (Int(1), 1),
        (Timestamp(1), 1),
        (Float(1), 1),
    ],
)
def test_a_value_is_equal_to_its_plain_python_form(value: object, plain: object) -> None:
    assert value == plain
    assert {plain: "found"}[value] == "found"


def test_described_values_and_arrays_can_be_keys() -> None:
    described = Described(ULong(1), "a")
    assert {described: 1, Array(int, (1,)): 2}[Described(ULong(1), "a")] == 1
