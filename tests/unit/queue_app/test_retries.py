import pytest

from queue_app.errors import StorageUnavailable
from queue_app.retries import RetryPolicy, TryAgain, policy_of, retrying


class BusyError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TryAgain("later"), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (StorageUnavailable("away"), True),
        (ValueError("a bug, or bad data"), False),
        (OSError("no space"), False),
    ],
)
def test_errors_that_may_pass_are_worth_another_attempt(error: Exception, expected: bool) -> None:
    assert RetryPolicy().covers(error) is expected


def test_the_first_time_counts_as_an_attempt() -> None:
    policy = RetryPolicy(attempts=3)
    assert [policy.has_more(retries) for retries in range(4)] == [True, True, False, False]
    assert not RetryPolicy(attempts=1).has_more(0)


def test_pauses_double_up_to_the_longest() -> None:
    policy = RetryPolicy(first_seconds=2, longest_seconds=10)
    pauses = [policy.pause(retries, TimeoutError(), 1.0) for retries in (0, 1, 2, 3, 5000)]
    assert pauses == [2, 4, 8, 10, 10]


def test_chance_takes_up_to_a_half_of_a_pause_away() -> None:
    policy = RetryPolicy(first_seconds=8)
    assert [policy.pause(0, TimeoutError(), chance) for chance in (0.0, 0.5, 1.0)] == [4, 6, 8]


def test_an_error_may_say_when_to_try_again() -> None:
    policy = RetryPolicy(first_seconds=8)
    assert policy.pause(3, TryAgain("closed for lunch", after=1800), 0.3) == 1800
    assert policy.pause(0, TryAgain("busy"), 1.0) == 8


def test_work_changes_of_the_policy_what_it_says_and_no_more() -> None:
    @retrying(attempts=9, on=(BusyError,))
    def work(_: object) -> None: ...

    policy = policy_of(work, RetryPolicy(first_seconds=7))
    assert policy == RetryPolicy(attempts=9, first_seconds=7, on=(BusyError,))
    assert policy.covers(BusyError())
    assert not policy.covers(TimeoutError())
    assert policy_of(lambda _: None, RetryPolicy(attempts=2)) == RetryPolicy(attempts=2)


@pytest.mark.parametrize("changes", [{"attempts": 0}, {"first_seconds": -1}, {"atempts": 3}])
def test_a_mistake_in_a_policy_shows_where_it_is_made(changes: dict[str, int]) -> None:
    with pytest.raises((ValueError, TypeError)):
        retrying(**changes)
