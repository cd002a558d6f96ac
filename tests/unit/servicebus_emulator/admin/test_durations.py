import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicebus_emulator.admin.durations import format_duration, parse_duration
from servicebus_emulator.broker.entities import FOREVER


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT1M", 60.0),
        ("PT30S", 30.0),
        ("PT0.5S", 0.5),
        ("P1D", 86_400.0),
        ("P1DT2H3M4S", 93_784.0),
        ("PT0S", 0.0),
        ("P10675199DT2H48M5.4775807S", FOREVER),
    ],
)
def test_a_duration_is_read_and_written(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    "text",
    ["", "P", "PT", "1M", "PT1", "P1Y", "P1M", "P1W", "-PT1S", "PT1M ", "PT1.S", "PTS", "P1D1H"],
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no ISO 8601 duration"):
        parse_duration(text)


def test_a_duration_longer_than_the_longest_is_the_longest() -> None:
    assert parse_duration("P999999999D") == FOREVER


@given(st.integers(0, 10**12))
def test_every_duration_in_milliseconds_comes_back(milliseconds: int) -> None:
    seconds = milliseconds / 1000

    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=1e-4)
