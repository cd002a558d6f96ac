from servicebus_emulator.broker.timers import Timers


def test_without_deadlines_nothing_is_next_or_due() -> None:
    timers: Timers[str] = Timers()

    assert timers.next() is None
    assert timers.pop_due(1e12) is None


def test_keys_come_due_in_the_order_of_their_deadlines() -> None:
    timers: Timers[str] = Timers()
    for key, when in (("late", 30.0), ("early", 10.0), ("middle", 20.0)):
        timers.set(key, when)

    assert timers.next() == 10.0
    assert [timers.pop_due(25.0) for _ in range(3)] == ["early", "middle", None]
    assert timers.next() == 30.0


def test_equal_deadlines_come_due_in_the_order_in_which_they_were_set() -> None:
    timers: Timers[str] = Timers()
    for key in "cab":
        timers.set(key, 1.0)

    assert [timers.pop_due(1.0) for _ in range(3)] == ["c", "a", "b"]


def test_a_key_has_one_deadline_the_last_one_set() -> None:
    timers: Timers[str] = Timers()
    timers.set("key", 10.0)
    timers.set("key", 20.0)

    assert timers.get("key") == 20.0
    assert timers.pop_due(15.0) is None
    assert timers.pop_due(20.0) == "key"
    assert len(timers) == 0


def test_a_cancelled_deadline_never_comes_due() -> None:
    timers: Timers[str] = Timers()
    timers.set("key", 10.0)
    timers.cancel("key")
    timers.cancel("never set")

    assert timers.get("key") is None
    assert timers.next() is None


def test_cancelled_deadlines_do_not_pile_up() -> None:
    timers: Timers[int] = Timers()
    timers.set(-1, 1e9)
    for key in range(10_000):
        timers.set(key, float(key))
        timers.cancel(key)

    assert len(timers._heap) < 200
    assert timers.next() == 1e9


def test_the_earliest_key_can_be_looked_at() -> None:
    timers: Timers[str] = Timers()
    nothing = timers.peek()
    timers.set("late", 30.0)
    timers.set("early", 10.0)

    assert (nothing, timers.peek(), len(timers)) == (None, ("early", 10.0), 2)
