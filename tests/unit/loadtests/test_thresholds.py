from pathlib import Path

import pytest

import loadtests
from loadtests.thresholds import Figures, Threshold, compared, missed, read

LIMIT = Threshold(min_rate=0.5, max_p95=2.0, max_failures=0.01)
FLOOR = Figures(requests=2000, failures=0, rate=1000.0, p95=10.0)


def test_nothing_is_missed_at_the_limits() -> None:
    ours = Figures(requests=1000, failures=10, rate=500.0, p95=20.0)
    assert missed("enqueue", LIMIT, ours, FLOOR) == []


def test_a_rate_below_its_part_of_the_floor_is_missed() -> None:
    ours = Figures(requests=1000, failures=0, rate=499.0, p95=20.0)
    (said,) = missed("enqueue", LIMIT, ours, FLOOR)
    assert said == "enqueue: 0.499 × the floor's requests a second, at least 0.5 are wanted"


def test_a_latency_above_its_multiple_of_the_floor_is_missed() -> None:
    ours = Figures(requests=1000, failures=0, rate=900.0, p95=21.0)
    (said,) = missed("enqueue", LIMIT, ours, FLOOR)
    assert said == "enqueue: p95 is 2.1 × the floor's, at most 2 is allowed"


def test_failures_beyond_their_part_are_missed_with_and_without_a_floor() -> None:
    ours = Figures(requests=100, failures=2, rate=900.0, p95=10.0)
    said = ["enqueue: 2.00% of the requests failed, 1.00% may"]
    assert missed("enqueue", LIMIT, ours, FLOOR) == said
    assert missed("enqueue", LIMIT, ours) == said


def test_a_run_in_which_nothing_was_answered_is_missed() -> None:
    ours = Figures(requests=0, failures=0, rate=0.0, p95=0.0)
    assert missed("enqueue", LIMIT, ours, FLOOR) == ["enqueue: no request was answered"]


def test_a_floor_that_did_nothing_proves_nothing() -> None:
    ours = Figures(requests=100, failures=0, rate=100.0, p95=10.0)
    assert missed("enqueue", LIMIT, ours, Figures(0, 0, 0.0, 0.0))


def test_a_scenario_is_told_as_ratios_to_the_floor() -> None:
    ours = Figures(requests=1000, failures=0, rate=500.0, p95=25.0)
    assert compared("enqueue", ours, FLOOR) == (
        "enqueue: 0.50 × the floor's requests a second, 2.5 × its p95"
    )


def test_a_limit_that_is_not_set_is_not_missed() -> None:
    ours = Figures(requests=100, failures=0, rate=1.0, p95=9999.0)
    assert missed("enqueue", Threshold(), ours, FLOOR) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("enqueue = 1", "is not a table"),
        ("[enqueue]\nmin_rates = 1", "unknown key: min_rates"),
        ('[enqueue]\nmin_rate = "1"', "min_rate is not a number"),
        ("[enqueue]\nmin_rate = -1", "min_rate is not a number"),
        ("[enqueue]\nmin_rate = true", "min_rate is not a number"),
    ],
)
def test_a_mistake_in_the_file_is_said(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "thresholds.toml"
    file.write_text(text)
    with pytest.raises(ValueError, match=complaint):
        read(file)


def test_the_thresholds_that_are_kept_here_are_readable() -> None:
    limits = read(Path(str(loadtests.__file__)).parent / "thresholds.toml")
    assert set(limits) == {"enqueue", "status", "mixed", "end-to-end"}
    assert all(limit.min_rate and limit.max_p95 for limit in limits.values())
