from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from servicebus_emulator.amqp.composites import (
    BOOLEAN,
    ERROR,
    STRING,
    SYMBOLS,
    TIMESTAMP,
    UBYTE,
    UINT,
    Schema,
    nullable,
)
from servicebus_emulator.amqp.errors import AmqpError, DecodeError
from servicebus_emulator.amqp.types import Array, Described, Symbol, Timestamp, UByte, UInt, ULong


@dataclass
class Parcel:
    owner: str
    weight: int | None
    labels: tuple[str, ...] | None = None
    sent: int | None = None
    fault: AmqpError | None = None


PARCEL = Schema(
    0x7F,
    Parcel,
    owner=STRING,
    weight=nullable(UINT),
    labels=SYMBOLS,
    sent=TIMESTAMP,
    fault=ERROR.kind(),
)


def test_an_instance_becomes_a_described_list_with_all_trailing_fields() -> None:
    assert PARCEL.describe(Parcel("me", 1)) == Described(
        ULong(0x7F), ["me", UInt(1), None, None, None]
    )


def test_an_error_always_has_its_three_fields() -> None:
    assert ERROR.describe(AmqpError("amqp:not-found")).value == [Symbol("amqp:not-found"), "", {}]


def test_fields_become_an_instance_again() -> None:
    parcel = Parcel("me", 1, ("a", "b"), 5, AmqpError("x:y", "why", {"k": 1}))
    assert PARCEL.build(PARCEL.describe(parcel).value) == parcel


def test_missing_and_null_fields_take_their_defaults() -> None:
    assert PARCEL.build(["me"]) == PARCEL.build(["me", None, None]) == Parcel("me", None)


def test_one_symbol_stands_for_an_array_of_one() -> None:
    assert PARCEL.build(["me", None, Symbol("a")]).labels == ("a",)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "not a list"),
        (["me"] + [None] * 5, "not a list of up to 5"),
        ([], "owner is mandatory"),
        ([None, 1], "owner is mandatory"),
        ([1], "owner: int is no string"),
        (["me", True], "weight: bool is no UInt"),
        (["me", "1"], "weight: str is no UInt"),
        (["me", -1], "out of the range"),
        (["me", 1 << 32], "out of the range"),
        (["me", 1, Array(UByte, (UByte(1),))], "labels: UByte is no string"),
        (["me", 1, None, 5], "sent: int is no timestamp"),
        (["me", 1, None, None, Described(ULong(0x1E), [])], "fault: not a described AmqpError"),
        (["me", 1, None, None, "no"], "fault: not a described AmqpError"),
    ],
)
def test_impossible_fields_are_a_decode_error(fields: Any, reason: str) -> None:
    with pytest.raises(DecodeError, match=reason):
        PARCEL.build(fields)


def test_a_small_number_may_come_in_any_width() -> None:
    assert PARCEL.build(["me", UByte(7)]).weight == 7
    assert PARCEL.build(["me", Timestamp(7)]).weight == 7


def test_a_boolean_field_takes_booleans_only() -> None:
    with pytest.raises(TypeError):
        BOOLEAN.read(1)


def test_a_schema_has_to_name_every_field_in_order() -> None:
    with pytest.raises(TypeError, match="Parcel"):
        Schema(1, Parcel, weight=UBYTE)
