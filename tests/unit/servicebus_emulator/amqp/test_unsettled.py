from __future__ import annotations

import pytest

from servicebus_emulator.amqp.unsettled import Unsettled


def known(*ids: int) -> Unsettled[str]:
    unsettled: Unsettled[str] = Unsettled()
    for number in ids:
        unsettled.add(number, "even" if number % 2 == 0 else "odd", bytes((number & 0xFF,)))
    return unsettled


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        (2, 2, [2]),
        (3, 3, []),
        (1, 2, [1, 2]),
        (2, 4, [2, 4]),
        (0, 0x7FFFFFFF, [1, 2, 4, 5]),
        (6, 0x7FFFFFFF, []),
    ],
)
def test_the_known_ids_of_a_range_are_found(first: int, last: int, found: list[int]) -> None:
    assert known(1, 2, 4, 5).between(first, last) == found


def test_a_range_goes_around_the_end_of_the_numbers() -> None:
    unsettled = known(0xFFFFFFFF, 0, 1)
    assert unsettled.between(0xFFFFFFFF, 0) == [0xFFFFFFFF, 0]


def test_a_delivery_is_forgotten_only_when_asked() -> None:
    unsettled = known(1)
    assert unsettled.get(1, forget=False) == ("odd", b"\x01")
    assert unsettled.settle(1, "odd", False)
    assert not unsettled.settle(1, "even", True)
    assert unsettled.get(1, forget=True) == ("odd", b"\x01")
    assert unsettled.between(1, 1) == []


def test_a_link_settles_its_own_deliveries() -> None:
    unsettled = known(1, 2)
    assert unsettled.settle(2, "even", True)
    assert unsettled.between(1, 2) == [1]


def test_a_link_takes_its_deliveries_with_it() -> None:
    unsettled = known(1, 2, 3)
    unsettled.forget("odd")
    assert unsettled.between(1, 3) == [2]
    unsettled.clear()
    assert unsettled.between(1, 3) == []
