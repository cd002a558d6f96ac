import pytest

from harness.waiting import wait_until


def test_gives_what_the_condition_gave() -> None:
    assert wait_until(lambda: "ready", "readiness") == "ready"


def test_asks_again_until_the_condition_is_true() -> None:
    answers = iter([None, 0, "", "at last"])

    assert wait_until(lambda: next(answers), "an answer", interval=0) == "at last"


def test_asks_once_even_when_there_is_no_time() -> None:
    assert wait_until(lambda: True, "truth", timeout=0)


def test_says_what_it_waited_for_and_how_long() -> None:
    with pytest.raises(TimeoutError, match=r"^waited 0 s in vain for the moon$"):
        wait_until(lambda: None, "the moon", timeout=0)


def test_lets_an_error_of_the_condition_through() -> None:
    def fail() -> bool:
        raise LookupError("broken")

    with pytest.raises(LookupError, match="broken"):
        wait_until(fail, "anything")
