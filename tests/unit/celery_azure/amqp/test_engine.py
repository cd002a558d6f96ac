from __future__ import annotations

import pytest

from celery_azure.amqp import frames
from celery_azure.amqp.connection import State
from celery_azure.amqp.frames import AmqpError
from celery_azure.amqp.patience import busy_seconds
from celery_azure.tokens import SharedAccessTokens
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.nodes.sas import ROOT_KEY
from tests.unit.celery_azure.amqp import wire
from tests.unit.celery_azure.amqp.wire import NOW, Recorder
from tests.unit.celery_azure.amqp.world import World


def test_a_link_is_attached_without_waiting_for_a_tick() -> None:
    world = World()
    assert world.sender().is_attached


def test_one_connection_carries_every_link() -> None:
    world = World()
    world.sender()
    world.receiver()
    world.receiver(locks=False)
    assert world.engine.connections == 1
    assert len(world.container.peers) == 1


def test_links_come_back_at_once_after_a_cut() -> None:
    world = World()
    sender = world.sender()
    world.cut()
    world.turn()
    assert sender.is_attached
    assert world.engine.connections == 2
    assert world.outages == []


def test_attempts_to_connect_become_rarer() -> None:
    world = World()
    world.sender()
    world.is_reachable = False
    world.cut()
    waits = []
    for _ in range(9):
        world.turn()
        assert world.engine.connect_at is not None
        waits.append(world.engine.connect_at - world.now)
        world.now = world.engine.connect_at
    assert waits == sorted(waits)
    assert waits[0] < 0.2
    assert 2.5 <= waits[-1] <= 5
    assert world.outages == ["amqp:connection:lost"]


def test_the_token_is_renewed_before_it_ends() -> None:
    world = World()
    world.tokens = SharedAccessTokens(
        ROOT_KEY.name, ROOT_KEY.key, lifetime=60, clock=lambda: world.now
    )
    sender = world.sender()
    tokens = sum(data.count(b"put-token") for data in world.sent)
    world.pass_time(100)
    assert sum(data.count(b"put-token") for data in world.sent) == tokens + 2
    fates = world.submit(sender, "a")
    world.turn()
    assert fates.accepted == ["a"]


def test_the_right_to_what_nobody_uses_any_more_is_not_proved_again() -> None:
    world = World()
    world.tokens = SharedAccessTokens(
        ROOT_KEY.name, ROOT_KEY.key, lifetime=60, clock=lambda: world.now
    )
    world.namespace.create_queue("replies", QueueDescription(), now=world.now)
    world.sender()
    left, stays = world.sender("replies"), world.sender("replies")
    world.engine.remove(left)
    world.pass_time(50)
    assert sum(data.count(b"sb://world/replies") for data in world.sent) == 2
    world.engine.remove(stays)
    world.pass_time(1)
    assert world.engine._claims.keys() == {"jobs", "replies"}  # it may be used again in a moment
    world.sent.clear()
    world.pass_time(100)
    assert not any(b"sb://world/replies" in data for data in world.sent)
    assert any(b"sb://world/jobs" in data for data in world.sent)
    assert world.engine._claims.keys() == {"jobs"}
    assert world.sender("replies").is_attached


def test_a_right_that_was_refused_is_forgotten_with_the_last_who_wanted_it() -> None:
    world = World()
    world.sender()
    refused = world.sender("nowhere")
    world.pass_time(1)
    assert "nowhere" in world.engine._claims
    world.engine.remove(refused)
    world.pass_time(1)
    assert world.engine._claims.keys() == {"jobs"}


def test_a_refused_token_is_told_to_the_links() -> None:
    world = World()
    world.tokens = SharedAccessTokens(ROOT_KEY.name, "another key", clock=lambda: world.now)
    sender = world.sender()
    fates = world.submit(sender, "a")
    world.pass_time(1)
    assert fates.conditions == {"a": "amqp:unauthorized-access"}


def test_a_link_that_is_removed_stays_away() -> None:
    world = World()
    sender = world.sender()
    world.engine.remove(sender)
    world.pass_time(1)
    assert sender.handle is None
    assert not sender.is_attached


def test_the_peer_is_kept_awake_and_given_up_when_it_is_silent() -> None:
    world = World()
    world.sender()
    world.pass_time(300)
    assert world.engine.connections == 1
    world.hears = False
    world.pass_time(91)
    world.hears = True
    world.pass_time(30)
    assert world.engine.connections == 2


def test_nothing_is_connected_before_a_link_is_wanted() -> None:
    world = World()
    world.pass_time(1)
    assert world.engine.connections == 0
    assert world.engine.deadline() is None


def test_closing_says_good_bye() -> None:
    world = World()
    world.sender()
    world.engine.close(world.now)
    assert world.engine.is_closed
    assert frames.close() in world.engine.take_output()


def test_a_peer_that_says_good_bye_is_answered_before_the_socket_is_closed() -> None:
    world = World()
    world.sender()
    world.engine.receive(frames.close(), world.now)
    assert world.engine.is_closed
    assert world.engine.take_output() == frames.close()
    assert world.engine.take_output() == b""


def test_what_was_to_be_said_on_a_socket_that_is_gone_is_not_said_on_the_next() -> None:
    world = World()
    world.sender()
    world.engine.receive(frames.close(), world.now)
    world.engine.lost("cut", world.now)
    assert world.engine.take_output() == b""


def test_a_peer_that_ends_each_connection_at_once_is_asked_ever_more_rarely() -> None:
    world = World()
    world.sender()
    waits = []
    for _ in range(9):
        world.cut()
        assert world.engine.connect_at is not None
        waits.append(world.engine.connect_at - world.now)
        world.now = world.engine.connect_at
        world.turn()
    assert waits[0] == 0.0
    assert waits == sorted(waits)
    assert 2.5 <= waits[-1] <= 5
    assert world.outages[0] == "amqp:connection:lost"
    world.pass_time(6)
    world.cut()
    assert world.engine.connect_at == world.now


def test_what_fails_in_time_keeps_nobody_else_from_their_turn() -> None:
    world = World()

    class Failing:
        def expire(self, now: float) -> None:
            raise KeyError(now)

    world.engine.watch(Failing())
    sender = world.sender()
    world.is_reachable = False
    world.cut()
    fates = world.submit(sender, "a", timeout=1.0)
    for _ in range(5):
        world.now += 1.0
        with pytest.raises(KeyError):
            world.engine.expire(world.now)
    assert fates.conditions == {"a": "com.microsoft:timeout"}


def test_a_link_that_fails_to_go_down_does_not_keep_the_engine_from_coming_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    broken, sender = world.sender(), world.sender()

    def fail(*_: object) -> None:
        raise KeyError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(broken, "on_down", fail)
        with pytest.raises(KeyError):
            world.cut()
    world.turn()
    assert sender.is_attached
    assert world.engine.trouble == ""


def test_a_peer_without_room_for_any_link_is_no_error_of_ours() -> None:
    engine = World().engine
    engine.add(Recorder(), NOW)
    engine.begin(NOW)
    engine.receive(wire.hello() + wire.opening(handle_max=0), NOW)
    assert engine.connection is not None
    assert engine.connection.state is State.OPEN


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("Please wait 7 seconds and try again.", 7.0), ("The request was terminated.", 10.0)],
)
def test_a_busy_namespace_says_how_long_it_wants_to_be_left_alone(
    text: str, seconds: float
) -> None:
    assert busy_seconds(AmqpError("com.microsoft:server-busy", text)) == seconds


def test_the_time_of_day_follows_a_clock_that_is_set_while_links_are_there() -> None:
    world = World()
    assert world.engine.wall(10.0) == 10.0
    world.wall_offset = 7200.0  # the machine has slept
    assert world.engine.wall(10.0) == 7210.0
