from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import pytest

from celery_azure.amqp.connection import State
from celery_azure.amqp.messages import BATCH_FORMAT, FIRST_COPY, Message, Received, as_copy
from celery_azure.amqp.sender import Outgoing
from tests.unit.celery_azure.amqp import wire
from tests.unit.celery_azure.amqp.interruptions import Interruption
from tests.unit.celery_azure.amqp.world import LISTENER, Fates, World

if TYPE_CHECKING:
    from celery_azure.amqp.frames import AmqpError


def bodies(world: World) -> list[str]:
    receiver = world.receiver(1000, locks=False)
    world.pass_time(0.5)
    return [
        delivery.payload.rpartition(b"\x00\x53\x75")[2][2:].decode() for delivery in receiver.buffer
    ]


def test_what_waits_together_travels_as_one_delivery() -> None:
    world = World()
    sender = world.sender()
    fates = world.submit(sender, "a", "b", "c")
    world.turn()
    assert fates.accepted == ["a", "b", "c"]
    assert sender.deliveries == 1
    assert bodies(world) == ["a", "b", "c"]


def test_what_comes_while_a_delivery_is_under_way_waits_for_its_answer() -> None:
    world = World()
    sender = world.sender()
    fates = Fates()
    for text in ("first", "second", "third"):
        payload = Message(text.encode()).to_bytes()
        fates.wait_for(sender, text, payload, world.now + 10)
        sender.pump(world.now)
    assert sender.deliveries == 1
    world.turn()
    assert sender.deliveries == 2
    assert fates.accepted == ["first", "second", "third"]
    assert sender.is_idle


@pytest.mark.parametrize("most_bytes", [262_144, 1_048_576, 104_857_600])
def test_full_batches_do_not_wait_for_each_other(most_bytes: int) -> None:
    world = World()
    sender = world.sender()
    sender.max_message_size = most_bytes
    fates = Fates()
    for number in range(9):
        payload = Message(bytes(100_000)).to_bytes()
        fates.wait_for(sender, str(number), payload, world.now + 10)
    sender.pump(world.now)
    assert sender.deliveries == 4
    world.turn()
    assert len(fates.accepted) == 9
    assert sender.deliveries == 5


def test_a_message_that_is_refused_fails_alone() -> None:
    world = World()
    sender = world.sender()
    fates = Fates()
    for text in ("a", "b", "c", "d", "e"):
        sections = Message(text.encode()).to_bytes()
        payload = b"\xff no message" if text == "c" else sections
        fates.wait_for(sender, text, payload, world.now + 10)
    sender.pump(world.now)
    world.turn()
    assert sorted(fates.accepted) == ["a", "b", "d", "e"]
    assert list(fates.conditions) == ["c"]
    assert sorted(bodies(world)) == ["a", "b", "d", "e"]


def test_a_message_larger_than_the_link_takes_is_not_sent() -> None:
    world = World()
    sender = world.sender()
    fates = Fates()
    fates.wait_for(sender, "big", Message(bytes(300_000)).to_bytes(), world.now + 10)
    sender.pump(world.now)
    assert fates.conditions == {"big": "amqp:link:message-size-exceeded"}
    assert "300" in str(fates["big"])
    assert sender.deliveries == 0


def test_a_message_of_as_many_bytes_as_the_link_takes_is_sent() -> None:
    world = World()
    sender = world.sender()
    head = len(Message(bytes(1000)).to_bytes()) - 1000
    fates = Fates()
    payload = Message(bytes(sender.max_message_size - head)).to_bytes()
    assert len(payload) == sender.max_message_size
    fates.wait_for(sender, "just", payload, world.now + 10)
    sender.pump(world.now)
    world.turn()
    assert fates.accepted == ["just"]


def test_a_broker_that_ends_the_link_for_a_large_message_takes_all_others_once() -> None:
    world = World()
    sender = world.sender()
    world.inject("send", "detach", condition="amqp:link:message-size-exceeded", times=1)
    fates = Fates()
    for text, size in (("big", 200_000), ("a", 100_000), ("b", 100_000)):
        payload = Message(bytes(size), message_id=text).to_bytes()
        fates.wait_for(sender, text, payload, world.now + 10)
    sender.pump(world.now)
    world.pass_time(1)
    assert fates.conditions == {"big": "amqp:link:message-size-exceeded"}
    assert sorted(fates.accepted) == ["a", "b"]
    assert world.queue.counts(world.now).active == 2


def test_a_batch_for_which_the_broker_ends_the_link_is_sent_in_halves() -> None:
    world = World()
    sender = world.sender()
    world.inject("send", "detach", condition="amqp:link:message-size-exceeded", times=1)
    fates = world.submit(sender, *"abcd")
    world.pass_time(1)
    assert fates.accepted == ["a", "b", "c", "d"]
    assert sender.deliveries == 3


def test_what_was_under_way_when_the_connection_broke_is_sent_again() -> None:
    world = World()
    sender = world.sender()
    world.hears = False
    fates = world.submit(sender, "a", "b")
    world.turn()
    assert not fates
    world.cut()
    world.pass_time(1)
    assert fates.accepted == ["a", "b"]
    assert bodies(world) == ["a", "b", "a", "b"]  # the broker had taken them: nobody could know


def test_what_waits_without_a_connection_is_sent_when_there_is_one() -> None:
    world = World()
    world.is_reachable = False
    sender = world.sender()
    fates = world.submit(sender, "a")
    world.pass_time(3)
    assert not fates
    world.is_reachable = True
    world.pass_time(6)
    assert fates.accepted == ["a"]
    assert world.outages == ["amqp:connection:lost", "over"]


def test_whoever_waits_too_long_is_told_whether_it_was_sent() -> None:
    world = World()
    sender = world.sender()
    world.hears = False
    unsure = world.submit(sender, "sent", timeout=1)
    never = world.submit(sender, "not sent", timeout=1)
    world.pass_time(2)
    assert "may have arrived" in str(unsure["sent"])
    assert "was not sent" in str(never["not sent"])


def test_what_was_given_up_is_not_sent_later() -> None:
    world = World()
    world.is_reachable = False
    sender = world.sender()
    fates = world.submit(sender, "late", timeout=1)
    world.pass_time(2)
    assert fates.conditions == {"late": "com.microsoft:timeout"}
    world.is_reachable = True
    world.pass_time(6)
    assert bodies(world) == []


def test_an_unanswered_message_makes_the_connection_suspect() -> None:
    world = World()
    sender = world.sender()
    world.hears = False
    fates = world.submit(sender, "a", timeout=100)
    world.turn()
    world.pass_time(3)
    assert world.engine.connections == 1
    world.pass_time(1)  # nor has it answered to a request for an echo
    assert world.engine.connection is not None
    assert world.engine.connection.state is not State.OPEN
    world.hears = True
    world.pass_time(9)
    assert fates.accepted == ["a"]
    assert world.engine.connections == 2


def test_a_missing_queue_fails_what_waits_unless_somebody_mends_it() -> None:
    world = World()
    sender = world.sender("missing")
    fates = world.submit(sender, "a")
    world.pass_time(1)
    assert fates.conditions == {"a": "amqp:not-found"}

    sender.on_refusal = lambda error: error.condition == "amqp:not-found"
    fates = world.submit(sender, "b")
    world.pass_time(2)
    assert not fates


def test_without_the_right_to_send_nothing_waits() -> None:
    world = World(LISTENER)
    sender = world.sender()
    fates = world.submit(sender, "a")
    world.pass_time(1)
    assert fates.conditions == {"a": "amqp:unauthorized-access"}


def test_a_fate_is_told_once() -> None:
    told: list[object] = []
    outgoing = Outgoing(b"", 0.0, told.append)
    outgoing.end(None)
    outgoing.end(None)
    assert told == [None]
    assert BATCH_FORMAT == 0x80013700


def test_who_could_not_be_reached_is_told_with_the_reason() -> None:
    world = World()
    world.is_reachable = False
    fates = world.submit(world.sender(), "a", timeout=1.0)
    world.pass_time(2)
    [error] = fates.values()
    assert error is not None
    assert error.description.endswith("the message was not sent (refused)")


def test_one_who_fails_to_take_the_news_keeps_it_from_no_other() -> None:
    world = World()
    sender = world.sender()

    def fail(error: AmqpError | None) -> None:
        raise KeyError(str(error))

    sender.submit(Outgoing(Message(b"first").to_bytes(), world.now + 10, fail))
    fates = world.submit(sender, "second")
    with pytest.raises(KeyError):
        world.turn()
    assert fates.accepted == ["second"]


def test_what_could_not_be_written_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    sender = world.sender()
    connection = world.engine.connection
    assert connection is not None

    def fail(*_: object) -> int:
        raise KeyError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "send", fail)
        fates = Fates()
        fates.wait_for(sender, "a", Message(b"a").to_bytes(), world.now + 10)
        with pytest.raises(KeyError):
            sender.pump(world.now)
    world.cut()
    world.turn()
    assert fates.accepted == ["a"]


def test_messages_that_are_settled_without_a_word_are_not_sent_again() -> None:
    world = World()
    sender = world.sender()
    world.hears = False
    fates = world.submit(sender, "first", "second")
    connection = world.engine.connection
    assert connection is not None
    sent = sender.deliveries
    connection.receive(wire.disposition(0, 100, state=None), world.now)
    assert set(fates.conditions.values()) == {"amqp:illegal-state"}
    assert len(fates) == 2
    assert sender.deliveries == sent


def marks(world: World) -> list[bool]:
    """Which of the messages in the queue say that they are the first of their kind."""
    receiver = world.receiver(1000, locks=False)
    world.pass_time(0.5)
    return [FIRST_COPY in Received(delivery.payload).properties for delivery in receiver.buffer]


def first_copy(text: str) -> bytes:
    return Message(text.encode(), properties={"n": text, FIRST_COPY: True, "z": 1}).to_bytes()


def test_a_message_that_is_sent_again_does_not_say_any_more_that_it_is_the_first() -> None:
    world = World()
    sender = world.sender()
    fates = Fates()
    world.hears = False  # the answer is lost
    fates.wait_for(sender, "a", first_copy("a"), world.now + 10)
    sender.pump(world.now)
    world.turn()
    world.cut()
    fates.wait_for(sender, "b", first_copy("b"), world.now + 10)
    world.pass_time(2)
    assert fates.accepted == ["a", "b"]
    assert marks(world) == [True, False, True]


def test_a_copy_says_all_the_rest_as_the_message_did() -> None:
    for properties in ({"n": "a", FIRST_COPY: True, "z": 1}, {FIRST_COPY: True}, {"n": "a"}, {}):
        message = Message(b"body", message_id="1", ttl=5, scheduled=7, properties=properties)
        copied = Received(as_copy(message.to_bytes()))
        message.properties.pop(FIRST_COPY, None)
        original = Received(message.to_bytes())
        assert copied.properties == original.properties
        assert (copied.header, copied.annotations) == (original.header, original.annotations)
        assert (copied.system, copied.body) == (original.system, original.body)


def test_whoever_waits_is_told_though_telling_another_one_was_cut_short() -> None:
    def cut_short(_: AmqpError | None) -> None:
        raise Interruption

    world = World()
    sender = world.sender()
    sender.submit(Outgoing(Message(b"a").to_bytes(), world.now + 10, cut_short))
    fates = world.submit(sender, "b")
    with pytest.raises(Interruption):
        world.turn()
    assert fates.accepted == []
    world.cut()
    world.pass_time(0.5)
    assert fates.accepted == ["b"]


class CutShort(deque[list[Outgoing]]):
    """Is interrupted when the first one has been taken from it."""

    def popleft(self) -> list[Outgoing]:
        super().popleft()
        raise Interruption


def test_a_message_whose_sending_was_cut_short_is_not_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    sender = world.sender()
    fates = Fates()
    fates.wait_for(sender, "a", Message(b"a").to_bytes(), world.now + 10)
    with monkeypatch.context() as patch:
        patch.setattr(sender, "_groups", CutShort())
        with pytest.raises(Interruption):
            sender.pump(world.now)
    world.cut()
    world.pass_time(0.5)
    assert fates.accepted == ["a"]
