import pytest

from loadtests.series import Second, Series, by_users, knee


def second(number: int, users: int, requests: int, p95: float | None = 10.0) -> Second:
    return Second(number, users, requests, 0, p95, p95, p95)


@pytest.fixture
def series() -> Series:
    series = Series()
    for milliseconds in (10.0, 20.0, 30.0):
        series.add(0, "POST", milliseconds, users=3, failed=False, whole=True)
    series.add(2, "POST", 40.0, users=5, failed=True, whole=True)
    return series


def test_each_second_has_its_requests_failures_users_and_percentiles(series: Series) -> None:
    first, _, last = series.seconds()
    assert (first.requests, first.failures, first.users, first.p50) == (3, 0, 3, 20.0)
    assert (last.requests, last.failures, last.users, last.p50) == (1, 1, 5, 40.0)


def test_a_second_without_answers_is_not_left_out(series: Series) -> None:
    assert series.seconds()[1] == Second(1, 3, 0, 0, None, None, None)


def test_a_second_that_was_not_over_is_left_out(series: Series) -> None:
    assert [second.second for second in series.seconds(2.9)] == [0, 1]


def test_a_run_without_requests_has_no_seconds() -> None:
    assert Series().seconds() == []


def test_the_summary_tells_rates_and_failures_by_name(series: Series) -> None:
    summary = series.summary(2.0)
    assert summary["POST"]["requests"] == 4
    assert summary["POST"]["failures"] == 1
    assert summary["POST"]["rate"] == 2.0
    assert summary["POST"]["p50"] == 25.0


def test_the_time_of_a_whole_job_is_summed_up_but_is_no_request_of_its_second() -> None:
    series = Series()
    series.add(0, "job", 500.0, users=1, failed=False, whole=False)
    series.add(0, "POST", 5.0, users=1, failed=False, whole=True)
    assert series.seconds()[0].requests == 1
    assert series.seconds()[0].p95 == 5.0
    assert series.summary(1.0)["job"]["p50"] == 500.0


def test_a_step_is_the_median_of_its_seconds_without_the_first() -> None:
    seconds = [
        *(second(number, 1, requests) for number, requests in enumerate((9, 100, 110))),
        *(second(number, 2, requests) for number, requests in enumerate((9, 200, 210), 3)),
    ]
    assert by_users(seconds, 3) == [(1, 105.0, 10.0), (2, 205.0, 10.0)]


def test_a_step_in_which_nothing_was_answered_is_left_out() -> None:
    assert by_users([second(1, 1, 0, None), second(3, 2, 5)], 2) == [(2, 5.0, 10.0)]


def test_the_knee_is_the_last_step_that_was_worth_it() -> None:
    steps = [(1, 100.0, 10.0), (2, 190.0, 10.0), (4, 300.0, 13.0), (8, 310.0, 25.0)]
    assert knee(steps) == 4


def test_without_a_knee_there_is_none() -> None:
    assert knee([(1, 100.0, 10.0), (2, 200.0, 10.0)]) is None
    assert knee([]) is None
