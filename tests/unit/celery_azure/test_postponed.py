from celery_azure.postponed import Waiting


class Recorder:
    def __init__(self, delay: float) -> None:
        self.waiting = Waiting(delay)
        self.made: list[str] = []

    def add(self, key: str, now: float) -> None:
        self.waiting.add(key, lambda: self.made.append(key), now)

    def run(self, now: float) -> list[str]:
        self.made = []
        while (call := self.waiting.take_due(now)) is not None:
            call()
        return self.made


def test_a_call_is_made_when_its_delay_is_over_and_once() -> None:
    calls = Recorder(0.5)
    calls.add("a", 10.0)
    assert calls.run(10.4) == []
    assert calls.run(10.5) == ["a"]
    assert calls.run(99.0) == []


def test_a_call_that_was_dropped_is_not_made() -> None:
    calls = Recorder(0.5)
    calls.add("a", 10.0)
    calls.add("b", 10.0)
    calls.waiting.drop("a")
    calls.waiting.drop("unknown")
    assert calls.run(99.0) == ["b"]


def test_a_call_replaces_the_earlier_one_of_its_key_and_waits_anew() -> None:
    calls = Recorder(0.5)
    calls.add("a", 10.0)
    calls.add("a", 10.4)
    assert calls.run(10.5) == []
    assert calls.run(10.9) == ["a"]


def test_calls_are_made_in_the_order_in_which_they_are_due() -> None:
    calls = Recorder(0.5)
    for key, now in [("a", 1.0), ("b", 2.0), ("c", 3.0)]:
        calls.add(key, now)
    assert calls.waiting.next_due() == 1.5
    assert calls.run(2.5) == ["a", "b"]
    assert calls.waiting.next_due() == 3.5


def test_with_nothing_to_do_nothing_is_due() -> None:
    assert Waiting(0.5).next_due() is None


def test_it_is_looked_when_the_first_call_is_due() -> None:
    waiting = Waiting(0.5)
    waiting.add("a", print, 10.0)
    waiting.add("b", print, 10.2)
    assert waiting.next_look(10.3) == 10.5


def test_while_calls_are_added_and_dropped_it_is_looked_once_more_before_any_can_be_due() -> None:
    waiting = Waiting(0.5)
    waiting.add("a", print, 10.0)
    waiting.drop("a")
    assert waiting.next_look(10.1) == 10.6
    waiting.add("b", print, 10.2)
    waiting.drop("b")
    assert waiting.next_look(10.6) == 11.1


def test_it_is_not_looked_again_after_a_delay_in_which_none_was_added() -> None:
    waiting = Waiting(0.5)
    assert waiting.next_look(9.0) is None
    waiting.add("a", print, 10.0)
    waiting.drop("a")
    waiting.next_look(10.1)
    assert waiting.next_look(10.6) is None
