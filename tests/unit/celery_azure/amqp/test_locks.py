from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from celery_azure.amqp.codec import Described, ULong, encode
from celery_azure.amqp.locks import LockKeeper
from celery_azure.amqp.messages import Message
from celery_azure.amqp.requests import Answer
from celery_azure.amqp.settlement import COMPLETE
from tests.unit.celery_azure.amqp.world import Settled, World

if TYPE_CHECKING:
    from celery_azure.amqp.receiver import Receiver
    from celery_azure.amqp.settlement import Delivery


class Keeping:
    """A receiver whose locks are kept, and what was lost."""

    def __init__(self, world: World, longest: float = 3600.0) -> None:
        self.lost: list[str] = []
        self.receiver = receiver = world.receiver(0)
        assert receiver.management is not None
        receiver.keeper = LockKeeper(
            world.engine, receiver.management, longest=longest, on_lost=self._on_lost
        )
        world.engine.watch(receiver.keeper)

    def _on_lost(self, delivery: Delivery, reason: str) -> None:
        assert delivery.is_lost
        self.lost.append(reason)

    def take(self, world: World, count: int) -> list[Delivery]:
        receiver: Receiver = self.receiver
        receiver.set_limit(count)
        world.turn()
        return [receiver.buffer.popleft() for _ in range(count)]


def renewals(world: World) -> int:
    return sum(data.count(b"com.microsoft:renew-lock") for data in world.sent)


def test_a_lock_lives_as_long_as_its_message_is_held() -> None:
    world = World(lock_duration=10.0)
    world.put("a")
    keeping = Keeping(world)
    keeping.receiver.on_settled = settled = Settled()
    [delivery] = keeping.take(world, 1)
    world.pass_time(100)
    assert keeping.lost == []
    keeping.receiver.settle(delivery, COMPLETE, world.now)
    world.turn()
    assert settled == [("complete", None)]
    before = renewals(world)
    world.pass_time(20)
    assert renewals(world) == before


def test_many_locks_are_renewed_with_one_request() -> None:
    world = World(lock_duration=10.0)
    world.put(*(str(number) for number in range(50)))
    Keeping(world).take(world, 50)
    world.pass_time(5.5)
    assert renewals(world) == 1


def test_a_lock_that_is_lost_is_told_and_the_others_are_kept() -> None:
    world = World(lock_duration=10.0)
    world.put("a", "b", "c")
    keeping = Keeping(world)
    deliveries = keeping.take(world, 3)
    token = deliveries[1].lock_token
    world.queue.abandon(token, world.now)
    world.pass_time(30)
    assert len(keeping.lost) == 1
    assert [delivery.is_lost for delivery in deliveries] == [False, True, False]


def test_a_lock_is_renewed_over_the_next_connection_too() -> None:
    world = World(lock_duration=10.0)
    world.put("a")
    keeping = Keeping(world)
    [delivery] = keeping.take(world, 1)
    world.cut()
    world.pass_time(60)
    assert keeping.lost == []
    assert not delivery.is_lost


def test_after_the_longest_time_a_lock_is_let_go_and_that_is_told() -> None:
    world = World(lock_duration=10.0)
    world.put("a")
    keeping = Keeping(world, longest=20.0)
    keeping.take(world, 1)
    world.pass_time(40)
    assert len(keeping.lost) == 1


def test_a_broker_whose_clock_is_ahead_loses_no_lock() -> None:
    world = World(lock_duration=10.0)
    world.wall_offset = -120.0
    world.put("a")
    keeping = Keeping(world)
    keeping.take(world, 1)
    world.pass_time(60)
    assert keeping.lost == []


def test_a_clock_that_was_behind_and_is_set_right_causes_no_more_renewals_than_any_other() -> None:
    world = World(lock_duration=10.0)
    world.wall_offset = -120.0
    world.put("a", "b")
    keeping = Keeping(world)
    [late, _] = keeping.take(world, 2)
    world.pass_time(1)
    keeping.receiver.settle(late, COMPLETE, world.now)
    world.wall_offset = 0.0
    world.pass_time(11)
    before = renewals(world)
    world.pass_time(50)
    assert renewals(world) - before <= 11  # every five seconds
    assert keeping.lost == []


def test_a_lock_that_nobody_could_renew_in_time_is_lost() -> None:
    world = World(lock_duration=10.0)
    world.put("a")
    keeping = Keeping(world)
    [delivery] = keeping.take(world, 1)
    world.is_reachable = False
    world.cut()
    world.pass_time(9)
    assert keeping.lost == []
    world.pass_time(3)
    assert keeping.lost == ["it could not be renewed in time"]
    assert delivery.is_lost


@pytest.mark.parametrize("body", [None, [], {}, {"expirations": 5}, {"expirations": []}])
def test_an_answer_without_times_is_asked_for_again(body: object) -> None:
    world = World(lock_duration=10.0)
    world.put("a")
    keeping = Keeping(world)
    [delivery] = keeping.take(world, 1)
    keeper = keeping.receiver.keeper
    assert isinstance(keeper, LockKeeper)
    keeper._on_answer([delivery], Answer(body=body), world.now)
    assert delivery.renew_at == world.now + 1.0
    world.pass_time(30)
    assert keeping.lost == []


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        encode(Described(ULong(0x72), ["odd"])),
        encode(Described(ULong(0x72), {"x-opt-locked-until": "soon", "x-opt-enqueued-time": []})),
        Message(b"a").to_bytes(),
    ],
)
def test_a_message_that_does_not_say_how_long_it_is_locked_is_renewed_in_time(
    payload: bytes,
) -> None:
    world = World()
    world.put("a")
    keeping = Keeping(world)
    [delivery] = keeping.take(world, 1)
    delivery.payload = payload
    world.pass_time(0.5)
    assert delivery.renew_at == delivery.arrived + 150.0
