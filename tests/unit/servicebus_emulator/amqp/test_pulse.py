from servicebus_emulator.amqp.pulse import Pulse


def test_nothing_beats_before_the_peer_has_asked() -> None:
    pulse = Pulse()

    assert pulse.deadline is None
    assert not pulse.beats(1e12)


def test_it_beats_twice_in_the_peers_time() -> None:
    pulse = Pulse()
    pulse.start(60_000, 1000.0)

    assert pulse.deadline == 1030.0
    assert not pulse.beats(1029.9)
    assert pulse.beats(1031.0)
    assert pulse.deadline == 1061.0


def test_it_beats_at_most_a_hundred_times_a_second() -> None:
    pulse = Pulse()
    pulse.start(1, 0.0)

    assert pulse.deadline == 0.01
