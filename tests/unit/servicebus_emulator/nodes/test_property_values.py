from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from servicebus_emulator.amqp.codec import decode_at, encode
from servicebus_emulator.amqp.types import Described, Symbol, Timestamp, ULong
from servicebus_emulator.nodes.property_values import encodable, moment, plain

TIMESPAN = Symbol("com.microsoft:timespan")


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        (Timestamp(1500), datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)),
        (Timestamp(-1), datetime(1969, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
        (Described(TIMESPAN, 15_000_000), timedelta(seconds=1.5)),
        (Described(TIMESPAN, -10), timedelta(microseconds=-1)),
        (ULong(2**64 - 1), ULong(2**64 - 1)),
        ("text", "text"),
        (None, None),
    ],
)
def test_a_value_goes_to_rules_and_back(wire: Any, value: Any) -> None:
    assert plain(wire) == value
    assert encodable(value) == wire
    assert decode_at(encode(encodable(value)), 0)[0] == wire


def test_a_time_keeps_its_moment_in_every_zone() -> None:
    zone = timezone(timedelta(hours=2))

    assert encodable(datetime(1970, 1, 1, 2, tzinfo=zone)) == Timestamp(0)
    assert encodable(datetime(1970, 1, 1)) == Timestamp(0)  # noqa: DTZ001 (that is the point)


@pytest.mark.parametrize(
    "value",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        timedelta.min,
        timedelta.max,
    ],
)
def test_the_ends_of_the_calendar_can_be_sent(value: Any) -> None:
    assert encode(encodable(value))


@pytest.mark.parametrize(
    "wire", [Timestamp(2**62), Described(TIMESPAN, 2**90), Described(TIMESPAN, "soon")]
)
def test_what_is_no_time_is_unknown_to_rules(wire: Any) -> None:
    assert plain(wire) is None


def test_a_moment_beyond_every_calendar_is_none() -> None:
    assert moment(1e20) is None
