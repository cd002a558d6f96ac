from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from celery_azure.amqp.engine import TICK_SECONDS
from celery_azure.amqp.settlement import ABANDON, COMPLETE, RELEASE, Settlement, dead_letter
from tests.unit.celery_azure.amqp.interruptions import Interruption
from tests.unit.celery_azure.amqp.world import Settled, World

if TYPE_CHECKING:
    from celery_azure.amqp.settlement import Delivery


def counts(world: World) -> tuple[int, int]:
    """Messages that are active (locked ones too), and dead-lettered ones."""
    found = world.queue.counts(world.now)
    return found.active, found.dead_letter


def test_no_more_messages_come_than_can_be_worked_on() -> None:
    world = World()
    world.put(*"abcdef")
    receiver = world.receiver(2)
    assert len(receiver.buffer) == 2
    receiver.settle(receiver.buffer.popleft(), COMPLETE, world.now)
    receiver.top_up()
    world.turn()
    assert len(receiver.buffer) == 2


def test_what_is_worked_on_fast_is_read_ahead() -> None:
    world = World()
    world.put(*(str(number) for number in range(600)))
    receiver = world.receiver(4)
    for _ in range(50):
        receiver.settle(receiver.buffer.popleft(), COMPLETE, world.now)
        receiver.top_up()
        world.turn()
    world.pass_time(0.25)
    assert receiver.ahead == 20  # 50 in a quarter of a second are 20 in a tenth
    assert len(receiver.buffer) == 24
    world.pass_time(1)
    assert receiver.ahead <= 2


def test_what_is_read_ahead_is_asked_for_by_the_quarter_and_not_one_by_one() -> None:
    world = World()
    world.put(*(str(number) for number in range(100)))
    receiver = world.receiver(4)
    receiver.ahead = 16
    receiver.top_up()
    world.turn()
    assert len(receiver.buffer) == 20
    asked = []
    for _ in range(5):
        receiver.settle(receiver.buffer.popleft(), COMPLETE, world.now)
        receiver.top_up()
        asked.append(receiver.credit)
    assert asked == [0] * 4 + [5]


def test_whoever_has_room_and_nothing_waiting_need_not_wait_until_a_quarter_is_gone() -> None:
    world = World()
    world.put(*"abcdefghi")
    receiver = world.receiver(8)
    receiver.settle(receiver.buffer.popleft(), COMPLETE, world.now)
    receiver.top_up()
    assert receiver.credit == 1


def test_who_takes_messages_is_told_once_until_all_are_taken() -> None:
    world = World()
    receiver = world.receiver(3)
    told: list[int] = []
    receiver.on_message = lambda: told.append(len(receiver.buffer))
    world.put("a", "b")
    world.turn()
    world.put("c")
    world.turn()
    assert len(receiver.buffer) == 3
    assert told == [1]
    while receiver.buffer:
        receiver.settle(receiver.buffer.popleft(), COMPLETE, world.now)
    receiver.top_up()
    world.put("d")
    world.turn()
    assert told == [1, 1]


def test_what_nobody_takes_goes_back_to_the_broker_and_comes_when_somebody_does() -> None:
    world = World()
    world.put("a", "b")
    receiver = world.receiver(2)
    told: list[bool] = []
    receiver.on_message = lambda: told.append(receiver.is_paused)
    world.pass_time(3)
    assert receiver.is_paused
    assert told == [True]  # whoever has room by now can say so
    assert not receiver.buffer
    other = world.receiver(2)
    assert len(other.buffer) == 2
    for delivery in other.buffer:
        other.settle(delivery, RELEASE, world.now)
    receiver.resume()
    world.turn()
    assert not receiver.is_paused


@pytest.mark.parametrize(
    ("settlement", "left"),
    [(COMPLETE, (0, 0)), (ABANDON, (1, 0)), (RELEASE, (1, 0)), (dead_letter("R", "D"), (0, 1))],
    ids=lambda value: value.verb if isinstance(value, Settlement) else "",
)
def test_a_settlement_reaches_the_broker_and_is_confirmed(
    settlement: Settlement, left: tuple[int, int]
) -> None:
    world = World()
    world.put("a")
    receiver = world.receiver(1)
    receiver.on_settled = settled = Settled()
    receiver.set_limit(0)
    receiver.settle(receiver.buffer.popleft(), settlement, world.now)
    assert len(receiver.unconfirmed) == 1
    world.turn()
    assert settled == [(settlement.verb, None)]
    assert counts(world) == left


def test_a_reason_that_fits_into_no_frame_of_the_peer_is_told_as_a_message() -> None:
    world = World()
    world.put("a")
    receiver = world.receiver(1)
    receiver.on_settled = settled = Settled()
    assert world.engine.connection is not None
    world.engine.connection._peer_frame_bytes = 512
    receiver.settle(receiver.buffer.popleft(), dead_letter("R", "x" * 1000), world.now)
    world.turn()
    assert settled == [("dead-letter", None)]
    assert counts(world) == (0, 1)


def test_a_lost_lock_is_noticed_by_the_settlement() -> None:
    world = World(lock_duration=5.0)
    world.put("a")
    receiver = world.receiver(1)
    receiver.on_settled = settled = Settled()
    receiver.set_limit(0)
    delivery = receiver.buffer.popleft()
    world.pass_time(6)
    receiver.settle(delivery, COMPLETE, world.now)
    world.turn()
    assert settled == [("complete", "com.microsoft:message-lock-lost")]


def test_what_came_on_a_connection_that_is_gone_is_settled_by_its_lock_token() -> None:
    world = World()
    world.put("a")
    receiver = world.receiver(1)
    receiver.on_settled = settled = Settled()
    delivery = receiver.buffer.popleft()
    world.cut()
    world.pass_time(1)
    receiver.settle(delivery, COMPLETE, world.now)
    world.turn()
    assert settled == [("complete", None)]
    assert counts(world) == (0, 0)


def test_a_settlement_whose_answer_was_lost_is_asked_about_again() -> None:
    world = World()
    world.put("a")
    receiver = world.receiver(1)
    receiver.on_settled = settled = Settled()
    world.hears = False
    receiver.settle(receiver.buffer.popleft(), dead_letter("Reason", "Text"), world.now)
    world.cut()  # before the broker has heard of it
    world.pass_time(1)
    assert settled == [("dead-letter", None)]
    assert counts(world) == (0, 1)


def test_a_delivery_is_settled_once() -> None:
    world = World()
    world.put("a")
    receiver = world.receiver(1)
    delivery = receiver.buffer.popleft()
    receiver.settle(delivery, COMPLETE, world.now)
    receiver.settle(delivery, ABANDON, world.now)
    world.turn()
    assert counts(world) == (0, 0)
    assert receiver.held == 0


def test_without_locks_a_message_is_gone_when_it_comes() -> None:
    world = World()
    world.put("a", "b")
    receiver = world.receiver(1, locks=False)
    assert receiver.buffer[0].lock_token is None
    assert counts(world) == (1, 0)
    receiver.buffer.popleft()
    receiver.release_held(1)
    world.turn()
    assert len(receiver.buffer) == 1


@pytest.mark.parametrize("texts", ["", "a", "abc"])
def test_draining_gives_what_there_is_and_takes_the_credit_back(texts: str) -> None:
    world = World()
    world.put(*texts)
    receiver = world.receiver(0)
    drained: list[int] = []
    receiver.drain(lambda: drained.append(len(receiver.buffer)))
    world.turn()
    assert drained == [min(1, len(texts))]
    assert receiver.credit == 0


def test_the_texts_of_a_dead_letter_are_cut_to_what_is_kept_and_to_unicode() -> None:
    settlement = dead_letter("Odd \ud800", "x" * 10_000)
    assert settlement.reason == "Odd ?"
    assert settlement.description == "x" * 4096
    assert len(settlement.state) < 10_000


def test_what_comes_to_a_link_that_had_credit_for_a_while_was_awaited() -> None:
    world = World()
    receiver = world.receiver(2)
    world.put("too soon to tell")
    world.pass_time(0.5)
    world.put("awaited")
    assert [delivery.was_awaited for delivery in receiver.buffer] == [False, True]


def test_what_may_have_waited_for_credit_was_not_awaited() -> None:
    world = World()
    receiver = world.receiver(2)
    world.pass_time(1)
    world.put(*"abc")
    held = [receiver.buffer.popleft() for _ in range(2)]
    assert [delivery.was_awaited for delivery in held] == [True, True]
    receiver.settle(held[0], COMPLETE, world.now)
    receiver.top_up()
    world.turn()
    assert [delivery.was_awaited for delivery in receiver.buffer] == [False]


def test_what_comes_to_a_new_link_was_not_awaited() -> None:
    world = World()
    receiver = world.receiver(2)
    world.pass_time(1)
    world.cut()
    while not receiver.is_attached:
        world.pass_time(TICK_SECONDS)
    world.put("a")
    assert [delivery.was_awaited for delivery in receiver.buffer] == [False]


class CutShort:
    """Plays a keeper of locks that is interrupted."""

    def hold(self, delivery: Delivery) -> None:
        del delivery
        raise Interruption

    def drop(self, delivery: Delivery) -> None:
        """There is none."""

    def expire(self, now: float) -> None:
        """There is none."""


def test_a_message_whose_coming_was_cut_short_takes_no_room() -> None:
    world = World()
    receiver = world.receiver(1)
    receiver.keeper = CutShort()
    with pytest.raises(Interruption):
        world.put("a")
    assert receiver.held == 0
