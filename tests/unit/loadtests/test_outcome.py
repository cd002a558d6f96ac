from typing import Any

import pytest

from loadtests.outcome import Outcome, Scenario, Target
from loadtests.thresholds import Figures


def row(requests: int, failures: int, rate: float, p95: float | None) -> dict[str, Any]:
    return {
        "requests": requests,
        "failures": failures,
        "rate": rate,
        "p50": p95,
        "p95": p95,
        "p99": p95,
    }


def outcome(figure: str | None, generator: float = 0.5) -> Outcome:
    summary = {"POST": row(10, 1, 5.0, 20.0), "GET": row(30, 2, 15.0, 8.0)}
    target = Target("ours", "http://127.0.0.1")
    return Outcome(Scenario("mixed", "MixedUser", figure), target, [], summary, generator, 0.25)


def test_the_figures_of_a_scenario_are_those_of_all_its_requests() -> None:
    assert outcome(None).figures == Figures(requests=40, failures=3, rate=20.0, p95=20.0)


def test_rate_and_latency_can_be_those_of_one_request_but_every_failure_counts() -> None:
    assert outcome("GET").figures == Figures(requests=30, failures=3, rate=15.0, p95=8.0)


def test_a_request_that_was_never_made_has_no_figures() -> None:
    assert outcome("PUT").figures == Figures(requests=0, failures=3, rate=0.0, p95=0.0)


@pytest.mark.parametrize(("share", "is_limit"), [(0.89, False), (0.9, True)])
def test_locust_is_the_limit_when_it_has_no_processor_left(share: float, is_limit: bool) -> None:
    assert outcome(None, share).is_generator_the_limit is is_limit
