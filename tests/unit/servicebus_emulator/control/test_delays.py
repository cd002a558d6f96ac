import random
import statistics

import pytest

from servicebus_emulator.control.delays import Delay


def draws(wanted: object, count: int = 5000) -> list[float]:
    chance = random.Random(1).random
    return sorted(Delay.of(wanted).draw(chance) for _ in range(count))


def test_a_number_is_a_constant_delay() -> None:
    assert set(draws(0.25, 10)) == {0.25}


def test_a_span_is_drawn_from_evenly() -> None:
    drawn = draws({"min": 1, "max": 3})

    assert drawn[0] >= 1
    assert drawn[-1] <= 3
    assert statistics.fmean(drawn) == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize(
    ("wanted", "median", "p99"), [({"median": 1, "p99": 8}, 1, 8), ("cloud", 0.005, 0.06)]
)
def test_latencies_have_their_median_and_their_tail(
    wanted: object, median: float, p99: float
) -> None:
    drawn = draws(wanted)

    assert statistics.median(drawn) == pytest.approx(median, rel=0.1)
    assert drawn[int(len(drawn) * 0.99)] == pytest.approx(p99, rel=0.2)


@pytest.mark.parametrize(
    "wanted",
    [
        -1,
        True,
        "slow",
        None,
        float("nan"),
        1e9,
        {"min": 2, "max": 1},
        {"median": 0, "p99": 1},
        {"median": 1, "p99": 1},
        {"min": 1},
        {"min": "a", "max": "b"},
    ],
)
def test_anything_else_is_no_delay(wanted: object) -> None:
    with pytest.raises(ValueError, match="a delay"):
        Delay.of(wanted)


@pytest.mark.parametrize("wanted", [0.5, {"min": 1.0, "max": 2.0}, {"median": 1.0, "p99": 2.0}])
def test_a_delay_is_written_as_it_is_read(wanted: object) -> None:
    delay = Delay.of(wanted)

    assert delay.document() == wanted
    assert Delay.of(delay) is delay
