"""What a broker does to clients in the course of a day, and that they come back from it."""

from __future__ import annotations

import pytest

from celery_azure.amqp.settlement import ABANDON, COMPLETE, RELEASE, UNCONFIRMED, dead_letter
from celery_azure.tokens import SharedAccessTokens
from servicebus_emulator.nodes.idleness import IdleLimits
from servicebus_emulator.nodes.sas import ROOT_KEY
from tests.unit.celery_azure.amqp.world import Settled, World

WAIT = "The request was terminated. Error code : 50009. Please wait {} seconds and try again."


def count(world: World) -> tuple[int, int]:
    """Messages that are active (locked ones too), and dead-lettered ones."""
    found = world.queue.counts(world.now)
    return found.active, found.dead_letter


# -- links and connections -----------------------------------------------------------------------


def test_idle_links_are_let_go_and_used_again_and_their_token_is_renewed_in_between() -> None:
    world = World(idle_limits=IdleLimits(link=30.0, connection=15.0))
    world.tokens = SharedAccessTokens(
        ROOT_KEY.name, ROOT_KEY.key, lifetime=100, clock=lambda: world.now
    )
    sender, receiver = world.sender(), world.receiver()
    detached = sender.epoch
    for _ in range(5):
        world.pass_time(70)
        fates = world.submit(sender, "a")
        world.turn()
        assert fates.accepted == ["a"]
        receiver.settle(receiver.buffer.popleft(), COMPLETE, world.now)
        world.turn()
    assert sender.epoch > detached + 5
    assert world.engine.connections == 1
    assert world.outages == []


@pytest.mark.parametrize("action", ["expire-tokens", "detach"])
def test_a_link_that_loses_its_right_proves_it_once_more(action: str) -> None:
    world = World()
    sender = world.sender()
    fates = world.submit(sender, "a")
    condition = None if action == "expire-tokens" else "amqp:unauthorized-access"
    world.inject("now", action, condition=condition)
    later = world.submit(sender, "b")
    world.pass_time(0.5)
    assert fates.accepted == ["a"]
    assert later.accepted == ["b"]


@pytest.mark.parametrize("action", ["refuse", "throttle", "detach"])
def test_a_token_that_is_not_taken_just_now_is_presented_again(action: str) -> None:
    world = World()
    condition = "com.microsoft:timeout" if action == "refuse" else None
    world.inject("request", action, entity="$cbs", condition=condition, times=2)
    world.inject("authenticate", action, condition=condition, times=2)
    sender = world.sender()
    fates = world.submit(sender, "a", timeout=60)
    world.pass_time(20)
    assert fates.accepted == ["a"]


def test_a_connection_that_breaks_whenever_it_is_used_is_opened_ever_more_rarely() -> None:
    world = World()
    sender = world.sender()
    world.pass_time(3)
    fault = world.inject("send", "drop")
    world.submit(sender, "a", timeout=60)
    hits = []
    for _ in range(3):
        before = fault.hits
        world.pass_time(10)
        hits.append(fault.hits - before)
    assert hits[0] < 10
    assert hits[2] <= 3
    assert world.outages == ["amqp:connection:lost"]
    world.desk.clear()
    world.pass_time(10)
    assert world.outages == ["amqp:connection:lost", "over"]
    assert sender.is_idle


def test_a_link_that_is_detached_whenever_it_is_used_is_attached_ever_more_rarely() -> None:
    world = World()
    sender = world.sender()
    world.pass_time(3)
    fault = world.inject("send", "detach")
    world.submit(sender, "a", timeout=60)
    world.pass_time(10)
    assert fault.hits < 12
    world.desk.clear()
    world.pass_time(10)
    assert sender.is_idle
    assert sender.attempts == 0


def test_one_outage_is_told_once_however_often_it_begins() -> None:
    world = World()
    world.sender()
    world.pass_time(3)
    world.is_reachable = False
    world.cut()
    world.pass_time(20)
    world.is_reachable = True
    world.pass_time(6)
    world.is_reachable = False
    world.cut()
    world.is_reachable = True
    world.pass_time(6)
    assert world.outages == ["amqp:connection:lost", "over"]


def test_an_alive_peer_that_owes_an_answer_is_not_suspected() -> None:
    world = World()
    sender = world.sender()
    world.inject("send", "ignore", times=1)
    fates = world.submit(sender, "a", timeout=100)
    world.pass_time(28)
    assert world.engine.connections == 1
    world.pass_time(5)
    assert fates.accepted == ["a"]
    assert world.engine.connections == 2


def test_an_idle_peer_that_has_gone_silent_is_noticed_within_three_quarters_of_a_minute() -> None:
    world = World()
    world.receiver()
    world.pass_time(3)
    world.hears = False
    world.pass_time(45)
    world.hears = True
    world.pass_time(10)
    assert world.engine.connections == 2


# -- throttling ----------------------------------------------------------------------------------


def test_a_throttled_message_is_sent_when_the_wait_is_over() -> None:
    world = World()
    sender = world.sender()
    fault = world.inject("send", "throttle", description=WAIT.format(4), times=1)
    fates = world.submit(sender, "a")
    world.turn()
    later = world.submit(sender, "b")
    world.pass_time(3.9)
    assert (fault.seen, fates, later) == (1, {}, {})
    world.pass_time(0.5)
    assert (fates.accepted, later.accepted) == (["a"], ["b"])


def test_whoever_cannot_wait_so_long_is_told_at_once_that_the_namespace_is_busy() -> None:
    world = World()
    sender = world.sender()
    world.inject("send", "throttle", description=WAIT.format(20), times=1)
    first = world.submit(sender, "a")
    patient = world.submit(sender, "b", timeout=60)
    world.turn()
    second = world.submit(sender, "c")
    assert first.conditions == {"a": "com.microsoft:server-busy"}
    assert second.conditions == {"c": "com.microsoft:server-busy"}
    world.pass_time(21)
    third = world.submit(sender, "d")
    world.turn()
    assert patient.accepted == ["b"]
    assert third.accepted == ["d"]


def test_a_throttled_link_is_attached_when_the_wait_is_over() -> None:
    world = World()
    fault = world.inject("attach", "throttle", entity="jobs", description=WAIT.format(3), times=1)
    sender = world.sender()
    fates = world.submit(sender, "a")
    world.pass_time(2.9)
    assert (fault.seen, fates) == (1, {})
    world.pass_time(0.5)
    assert fates.accepted == ["a"]


# -- settling ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settlement", "left"), [(COMPLETE, (0, 0)), (dead_letter("R", "D"), (0, 1)), (ABANDON, (1, 0))]
)
@pytest.mark.parametrize("action", ["refuse", "throttle"])
def test_a_settlement_that_is_not_taken_just_now_is_made_again(
    settlement: object, left: tuple[int, int], action: str
) -> None:
    world = World()
    world.put("a")
    receiver = world.receiver(1)
    receiver.on_settled = settled = Settled()
    world.inject("settle", action, times=1)
    world.inject("request", action, name="com.microsoft:update-disposition", times=1)
    receiver.set_limit(0)
    receiver.settle(receiver.buffer.popleft(), settlement, world.now)  # type: ignore[arg-type]
    assert receiver.is_settling
    world.pass_time(10)
    assert [error for _, error in settled] == [None]
    assert count(world) == left
    assert not receiver.is_settling


def test_a_settlement_outlasts_an_outage_as_long_as_the_lock_may_last() -> None:
    world = World(lock_duration=300.0)
    world.put("a")
    receiver = world.receiver(1)
    receiver.on_settled = settled = Settled()
    delivery = receiver.buffer.popleft()
    world.is_reachable = False
    world.cut()
    receiver.settle(delivery, COMPLETE, world.now)
    world.pass_time(100)
    assert settled == []
    world.is_reachable = True
    world.pass_time(10)
    assert settled == [("complete", None)]
    assert count(world) == (0, 0)


def test_a_settlement_that_nobody_takes_ends_with_the_longest_lock() -> None:
    world = World()
    world.put("a")
    receiver = world.receiver(1)
    receiver.on_settled = settled = Settled()
    world.is_reachable = False
    world.cut()
    receiver.settle(receiver.buffer.popleft(), COMPLETE, world.now)
    world.pass_time(330)
    assert settled == [("complete", "com.microsoft:timeout")]
    assert not receiver.is_settling


def test_of_a_settlement_whose_answer_was_lost_nobody_claims_that_its_lock_was_lost() -> None:
    world = World()
    world.put("a")
    receiver = world.receiver(1)
    receiver.on_settled = settled = Settled()
    world.inject("settle", "drop", stage="after", times=1)
    receiver.settle(receiver.buffer.popleft(), COMPLETE, world.now)
    world.pass_time(1)
    assert settled == [("complete", UNCONFIRMED)]
    assert count(world) == (0, 0)


def test_what_is_given_back_after_its_connection_broke_comes_again_without_waiting() -> None:
    world = World()
    world.put("a")
    receiver = world.receiver(1)
    delivery = receiver.buffer.popleft()
    world.cut()
    receiver.settle(delivery, RELEASE, world.now)
    world.pass_time(1)
    [again] = receiver.buffer
    assert again.payload != delivery.payload  # its delivery count is higher
