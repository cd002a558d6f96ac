import pytest

from queue_app.rate_limit import RateLimit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_caller_that_rested_may_send_twice_its_rate_at_once(clock: Clock) -> None:
    rate = RateLimit(5, clock)
    assert [rate.wait("a") for _ in range(10)] == [0.0] * 10
    assert rate.wait("a") == pytest.approx(0.2)


def test_tokens_come_back_with_time(clock: Clock) -> None:
    rate = RateLimit(5, clock)
    allowed = 0
    for _ in range(100):
        clock.now += 0.1
        allowed += rate.wait("a") == 0
    assert allowed == pytest.approx(10 + 5 * 10, abs=1)


def test_callers_do_not_share_a_rate(clock: Clock) -> None:
    rate = RateLimit(1, clock)
    while not rate.wait("a"):
        pass
    assert rate.wait("b") == 0


def test_less_than_one_a_second_is_a_rate_too(clock: Clock) -> None:
    rate = RateLimit(0.1, clock)
    assert rate.wait("a") == 0
    assert rate.wait("a") == pytest.approx(10)


def test_nothing_is_no_limit(clock: Clock) -> None:
    assert not RateLimit(0, clock)
    assert RateLimit(1, clock)


def test_the_memory_of_callers_is_bounded(clock: Clock) -> None:
    rate = RateLimit(1, clock)
    for number in range(20_000):
        rate.wait(str(number))
    assert len(rate._buckets) == 10_000
