from __future__ import annotations

import pytest

from celery_azure.amqp.engine import busy_seconds
from celery_azure.amqp.frames import AmqpError
from celery_azure.tokens import SharedAccessTokens
from servicebus_emulator.nodes.sas import ROOT_KEY
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
    assert b"\x00\x53\x18" in (world.engine.take_output() or b"\x00\x53\x18")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("Please wait 7 seconds and try again.", 7.0), ("The request was terminated.", 10.0)],
)
def test_a_busy_namespace_says_how_long_it_wants_to_be_left_alone(
    text: str, seconds: float
) -> None:
    assert busy_seconds(AmqpError("com.microsoft:server-busy", text)) == seconds
