from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from servicebus_emulator.plain_data import Record, Value


@dataclass(slots=True, eq=False, repr=False)
class Pair(Record):
    one: object
    other: object = field(default=2, repr=False, compare=False)


@dataclass(slots=True, eq=False, repr=False)
class OtherPair(Pair):
    pass


@dataclass(slots=True, frozen=True, eq=False, repr=False)
class Point(Value):
    x: float
    name: str = field(default="", compare=False)


def test_records_of_one_class_are_equal_when_the_fields_are_that_count() -> None:
    assert Pair(1) == Pair(1)
    assert Pair(1, 2) == Pair(1, 3)
    assert Pair(1) != Pair(2)
    assert Pair(float("nan")) != Pair(float("nan"))


def test_a_record_is_equal_to_nothing_of_another_class() -> None:
    assert Pair(1) != OtherPair(1)
    assert Pair(1) != (1, 2)


def test_a_record_prints_the_fields_that_may_be_seen() -> None:
    assert repr(Pair("a", "secret")) == "Pair(one='a')"


def test_a_record_that_holds_itself_can_be_printed() -> None:
    pair = Pair(1)
    pair.one = [pair]

    assert repr(pair) == "Pair(one=[...])"


def test_a_record_that_may_change_has_no_hash() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(Pair(1))


def test_equal_values_have_one_hash_and_do_not_change() -> None:
    point = Point(1.0, "a")

    assert {point, Point(1.0, "b")} == {point}
    assert replace(point, x=2.0) == Point(2.0)
    with pytest.raises(FrozenInstanceError):
        point.x = 2.0  # type: ignore[misc]
