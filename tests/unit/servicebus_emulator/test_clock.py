import pytest

from servicebus_emulator.clock import ManualClock, OffsetClock, SystemClock


def test_a_manual_clock_stands_still() -> None:
    clock = ManualClock(start=100.0)

    assert [clock.now(), clock.now()] == [100.0, 100.0]


def test_advancing_a_manual_clock_moves_it_by_that_much() -> None:
    clock = ManualClock(start=100.0)
    clock.advance(5.5)

    assert clock.now() == 105.5


def test_waiting_does_not_help_before_a_manual_clocks_deadline() -> None:
    assert ManualClock(start=100.0).seconds_until(100.1) is None


@pytest.mark.parametrize("deadline", [100.0, 99.0])
def test_a_passed_deadline_is_due_at_once(deadline: float) -> None:
    assert ManualClock(start=100.0).seconds_until(deadline) == 0.0


def test_an_offset_clock_follows_the_clock_below_it() -> None:
    system = ManualClock(start=100.0)
    clock = OffsetClock(system)
    clock.advance(3600)
    system.advance(1)

    assert clock.now() == 3701.0


def test_an_offset_clock_waits_less_after_it_was_advanced() -> None:
    clock = OffsetClock(SystemClock())
    deadline = clock.now() + 1000
    clock.advance(400)
    wait = clock.seconds_until(deadline)

    assert wait is not None
    assert 0 < wait <= 600


def test_the_system_clock_is_due_for_a_deadline_in_the_past() -> None:
    clock = SystemClock()

    assert clock.seconds_until(clock.now() - 1) == 0.0


def test_the_system_clock_never_jumps_and_so_never_tells() -> None:
    told: list[str] = []
    SystemClock().on_change(lambda: told.append("jump"))()

    assert told == []


@pytest.mark.parametrize("clock", [ManualClock(start=0.0), OffsetClock()])
def test_whoever_listens_hears_of_each_jump_until_it_ends(clock: ManualClock | OffsetClock) -> None:
    heard: list[float] = []
    end = clock.on_change(lambda: heard.append(clock.now()))
    clock.advance(10)
    end()
    end()
    clock.advance(10)

    assert len(heard) == 1


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_a_clock_does_not_run_backwards(seconds: float) -> None:
    with pytest.raises(ValueError, match="forward only"):
        ManualClock(start=0.0).advance(seconds)


def test_a_frozen_clock_moves_only_when_it_is_advanced() -> None:
    system = ManualClock(start=100.0)
    clock = OffsetClock(system)
    clock.freeze()
    system.advance(50)
    clock.advance(5)
    clock.freeze()

    assert (clock.frozen, clock.now()) == (True, 105.0)


def test_waiting_does_not_help_while_a_clock_is_frozen() -> None:
    clock = OffsetClock(ManualClock(start=100.0))
    clock.freeze()

    assert (clock.seconds_until(100.0), clock.seconds_until(100.1)) == (0.0, None)


def test_a_clock_that_is_let_go_runs_on_from_where_it_stood() -> None:
    system = ManualClock(start=100.0)
    clock = OffsetClock(system)
    clock.unfreeze()
    clock.freeze()
    system.advance(50)
    clock.unfreeze()
    system.advance(1)

    assert (clock.frozen, clock.now()) == (False, 101.0)


def test_whoever_listens_hears_that_a_clock_was_frozen_and_let_go() -> None:
    clock = OffsetClock()
    heard: list[bool] = []
    clock.on_change(lambda: heard.append(clock.frozen))
    clock.freeze()
    clock.unfreeze()

    assert heard == [True, False]
