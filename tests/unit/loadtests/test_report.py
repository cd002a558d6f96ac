from loadtests import report
from loadtests.outcome import Outcome, Scenario, Target

ROW = {"requests": 10, "failures": 1, "rate": 5.0, "p50": 2.0, "p95": 20.0, "p99": None}


def outcome(generator: float) -> Outcome:
    target = Target("ours", "http://127.0.0.1")
    summary = {"POST": ROW, "GET": ROW}
    return Outcome(Scenario("mixed", "MixedUser"), target, [], summary, generator, 0.25)


def test_the_table_names_a_run_once_and_shows_what_locust_and_server_cost() -> None:
    lines = report.text([outcome(0.5)], ["about"]).splitlines()
    assert lines[3].split()[:3] == ["mixed", "ours", "GET"]
    assert lines[3].split()[-2:] == ["50%", "25%"]
    assert lines[4].split()[0] == "POST"


def test_the_table_warns_when_locust_was_measured() -> None:
    text = report.text([outcome(0.95)], [])
    assert "95% (!)" in text
    assert "Locust had no processor left" in text
