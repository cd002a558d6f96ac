from dataclasses import replace

import pytest

from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.message import BareMessage, decode_annotations, encode_bare
from servicebus_emulator.amqp.outcomes import Accepted, Modified, Rejected, Released
from servicebus_emulator.amqp.sections import split
from servicebus_emulator.broker.entities import EntityStatus
from servicebus_emulator.broker.limits import Limits
from servicebus_emulator.nodes.message_mapping import BATCH_FORMAT
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body, text_of


def condition(state: object) -> str:
    assert isinstance(state, Rejected)
    assert state.error is not None
    return state.error.condition


def test_what_is_sent_is_accepted_and_in_the_queue() -> None:
    client = Client(World())
    client.send(client.sender(), body("a"))

    assert client.outcomes() == [Accepted()]
    assert client.world.queue().counts(client.world.now).active == 1


def test_what_is_sent_settled_is_not_answered() -> None:
    client = Client(World())
    client.send(client.sender(), body("a"), settled=True)

    assert client.outcomes() == []
    assert client.world.queue().counts(client.world.now).active == 1


def test_a_batch_is_many_messages() -> None:
    client = Client(World())
    batch = encode_bare(BareMessage(data=[body("a"), body("b")]))
    client.send(client.sender(), batch, message_format=BATCH_FORMAT)
    client.receiver(credit=9)

    assert client.texts() == ["a", "b"]


def test_bytes_that_are_no_message_are_rejected() -> None:
    client = Client(World())
    client.send(client.sender(), b"\xff\xff")

    assert [condition(outcome) for outcome in client.outcomes()] == ["amqp:decode-error"]


def test_a_batch_with_rubbish_in_it_is_rejected_as_a_whole() -> None:
    client = Client(World())
    batch = encode_bare(BareMessage(data=[body("a"), b"\xff"]))
    client.send(client.sender(), batch, message_format=BATCH_FORMAT)

    assert [condition(outcome) for outcome in client.outcomes()] == ["amqp:decode-error"]
    assert client.world.queue().counts(client.world.now).active == 0


def test_a_message_over_the_limit_is_rejected_and_the_link_lives_on() -> None:
    client = Client(World(orders={"max_message_size_in_kilobytes": 1}))
    link = client.sender()
    client.send(link, encode_bare(BareMessage(data=[b"x" * 2000])))
    client.send(link, body("small"))
    large, small = client.outcomes()

    assert (condition(large), small) == ("amqp:link:message-size-exceeded", Accepted())


def test_a_batch_over_the_limit_is_rejected_where_a_message_of_that_size_is_not() -> None:
    limits = Limits(max_message_size=4096, default_message_size=4096, max_batch_size=1024)
    client = Client(World(limits=limits))
    link = client.sender()
    large = encode_bare(BareMessage(data=[b"x" * 2000]))
    client.send(link, large)
    client.send(link, encode_bare(BareMessage(data=[large])), message_format=BATCH_FORMAT)
    single, batch = client.outcomes()

    assert (single, condition(batch)) == (Accepted(), "amqp:link:message-size-exceeded")
    assert link.remote is not None
    assert link.remote.properties == {"com.microsoft:max-message-batch-size": 1024}


def test_a_refusal_of_the_broker_rejects_the_message() -> None:
    client = Client(World(orders={"max_size_in_megabytes": 1}))
    link = client.sender()
    for _ in range(5):
        client.send(link, encode_bare(BareMessage(data=[b"x" * 250_000])))

    assert condition(client.outcomes()[-1]) == "amqp:resource-limit-exceeded"


def test_a_sender_has_credit_again_and_again() -> None:
    client = Client(World())
    link = client.sender()
    for _ in range(2500):
        client.send(link, body("a"), settled=True)

    assert link.credit > 0


def test_a_receiver_gets_as_much_as_its_credit() -> None:
    client = Client(World())
    sender = client.sender()
    for text in "abc":
        client.send(sender, body(text))
    link = client.receiver(credit=2)
    first = client.texts()
    link.grant(1)
    client.world.turn()

    assert (first, client.texts()) == (["a", "b"], ["c"])


def test_a_message_that_comes_later_is_delivered_at_once() -> None:
    client = Client(World())
    client.receiver(credit=1)
    client.send(client.sender(), body("a"))

    assert client.texts() == ["a"]


def test_receivers_take_turns() -> None:
    world = World()
    one, other = Client(world), Client(world)
    one.receiver(credit=9)
    other.receiver(credit=9)
    sender = one.sender()
    for text in "abcd":
        one.send(sender, body(text))

    assert (one.texts(), other.texts()) == (["a", "c"], ["b", "d"])


def test_a_receiver_that_left_gets_no_turn() -> None:
    world = World()
    one, other = Client(world), Client(world)
    link = one.receiver(credit=9)
    other.receiver(credit=9)
    link.detach()
    world.turn()
    sender = other.sender()
    for text in "ab":
        other.send(sender, body(text))

    assert other.texts() == ["a", "b"]


def test_a_drained_receiver_gets_what_there_is_and_its_credit_back() -> None:
    client = Client(World())
    client.send(client.sender(), body("a"))
    link = client.receiver()
    link.grant(5)
    link.drain()
    client.world.turn()

    assert (client.texts(), link.credit) == (["a"], 0)


def test_a_waiting_receiver_can_be_drained() -> None:
    client = Client(World())
    link = client.receiver(credit=5)
    link.drain()
    client.world.turn()
    client.send(client.sender(), body("a"))

    assert (client.texts(), link.credit) == ([], 0)


def test_a_client_that_does_not_read_keeps_its_turn_for_later() -> None:
    world = World()
    slow, quick = Client(world), Client(world)
    slow.receiver(credit=9)
    quick.receiver(credit=9)
    slow.peer.set_reading(reads=False)
    sender = quick.sender()
    for text in "ab":
        quick.send(sender, body(text))
    slow.peer.set_reading(reads=True)
    world.turn()
    quick.send(sender, body("c"))
    quick.send(sender, body("d"))

    assert quick.texts()[:2] == ["a", "b"]
    assert len(slow.texts()) == 1


def test_no_more_than_a_little_is_put_into_a_connection_at_a_time() -> None:
    client = Client(World())
    sender = client.sender()
    for _ in range(10):
        client.send(sender, encode_bare(BareMessage(data=[b"x" * 100_000])))
    link = client.receiver()
    link.grant(10)
    client.world.container.receive(client.peer, client.connection.data_to_send(), 1000.0, 1000.0)
    client.world.container.turn(1000.0)
    at_once = client.peer.unsent
    client.world.turn()

    assert 256 * 1024 <= at_once < 512 * 1024
    assert len(client.deliveries()) == 10


def test_a_locked_delivery_carries_its_token_as_tag_and_its_time() -> None:
    client = Client(World(orders={"lock_duration": 30.0}))
    client.send(client.sender(), body("a"))
    client.receiver(credit=1)
    [delivery] = client.deliveries()
    annotations = decode_annotations(split(delivery.payload).message_annotations)
    [message] = client.world.queue().peek(1, 9, client.world.now)

    assert message.lock is not None
    assert (delivery.delivery_tag, delivery.settled) == (message.lock.token.bytes_le, False)
    assert annotations["x-opt-locked-until"] == 1_030_000


def test_a_settled_receiver_deletes_what_it_gets() -> None:
    client = Client(World())
    client.send(client.sender(), body("a"))
    client.receiver(credit=1, settled=True)
    [delivery] = client.deliveries()

    assert (delivery.settled, delivery.delivery_tag, text_of(delivery.payload)) == (True, b"", "a")
    assert client.world.queue().counts(client.world.now).active == 0


@pytest.mark.parametrize(
    ("state", "answer"),
    [
        (Accepted(), Accepted()),
        (Released(), Released()),
        (Modified(delivery_failed=True), Modified(delivery_failed=True)),
        (Modified(undeliverable_here=True), Modified(undeliverable_here=True)),
        (Rejected(AmqpError("com.microsoft:dead-letter")), Rejected()),
    ],
)
def test_the_answer_to_a_settlement_is_of_its_kind(state: object, answer: object) -> None:
    client = Client(World())
    client.send(client.sender(), body("a"))
    client.receiver(credit=1)
    client.outcomes()
    [delivery] = client.deliveries()

    assert client.settle(delivery, state) == answer  # type: ignore[arg-type] # one of its kinds


def test_a_settlement_after_the_lock_is_rejected() -> None:
    client = Client(World(orders={"lock_duration": 30.0}))
    client.send(client.sender(), body("a"))
    client.receiver(credit=1)
    client.outcomes()
    [delivery] = client.deliveries()
    client.world.pass_time(30.0)

    assert condition(client.settle(delivery, Accepted())) == "com.microsoft:message-lock-lost"


def test_a_settled_disposition_counts_and_is_not_answered() -> None:
    client = Client(World())
    client.send(client.sender(), body("a"))
    client.receiver(credit=1)
    client.outcomes()
    [delivery] = client.deliveries()
    delivery.link.settle(delivery.delivery_id, outcome=Accepted())
    client.world.turn()

    assert client.outcomes() == []
    assert client.world.queue().counts(client.world.now).active == 0


def test_a_released_message_comes_at_once_to_the_next_and_is_not_counted() -> None:
    client = Client(World())
    client.send(client.sender(), body("a"))
    client.receiver(credit=2)
    client.outcomes()
    [delivery] = client.deliveries()
    client.settle(delivery, Released())

    assert client.texts() == ["a"]


def test_an_expired_lock_gives_the_message_to_the_next() -> None:
    client = Client(World(orders={"lock_duration": 30.0}))
    client.send(client.sender(), body("a"))
    client.receiver(credit=2)
    client.deliveries()
    client.world.pass_time(29.9)
    early = client.texts()
    client.world.pass_time(0.1)

    assert (early, client.texts()) == ([], ["a"])


def test_what_is_locked_stays_locked_when_the_connection_is_lost() -> None:
    world = World(orders={"lock_duration": 30.0})
    lost, other = Client(world), Client(world)
    lost.send(lost.sender(), body("a"))
    lost.receiver(credit=1)
    other.receiver(credit=1)
    world.container.disconnected(lost.peer, world.now)
    del world.clients[lost.peer]
    world.turn()
    before = other.texts()
    world.pass_time(30.0)

    assert (before, other.texts()) == ([], ["a"])


def test_a_receiver_of_a_queue_that_is_disabled_meanwhile_is_detached() -> None:
    client = Client(World())
    client.receiver(credit=1)
    queue = client.world.queue()
    queue.update(replace(queue.description, status=EntityStatus.RECEIVE_DISABLED), 1000.0)
    client.send(client.sender(), body("a"))
    error = client.detached()

    assert error is not None
    assert error.condition == "com.microsoft:entity-disabled"


def test_a_receiver_is_sent_away_where_the_credits_of_a_second_are_spent() -> None:
    client = Client(World(limits=Limits(credits_per_second=2)))
    sender = client.sender()
    for text in "ab":
        client.send(sender, body(text))
    client.receiver(credit=5)
    error = client.detached()
    client.world.pass_time(1.0)
    client.receiver(credit=5)

    assert error is not None
    assert (error.condition, "50009" in error.description) == ("com.microsoft:server-busy", True)
    assert client.texts() == ["a", "b"]


def test_a_receiver_that_takes_its_credit_back_is_not_waited_for() -> None:
    client = Client(World())
    receiver = client.receiver(credit=5)
    receiver.grant(0)
    client.world.turn()
    client.send(client.sender(), body("a"))
    held = client.texts()
    receiver.grant(1)
    client.world.turn()

    assert (held, client.texts()) == ([], ["a"])
