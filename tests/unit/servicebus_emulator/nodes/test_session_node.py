"""Receivers of sessions, those that have one and those that wait."""

from typing import Any

import pytest

from servicebus_emulator.amqp import events, message, sections
from servicebus_emulator.amqp.link import Link
from servicebus_emulator.amqp.message import BareMessage, Properties
from servicebus_emulator.amqp.outcomes import Accepted, Rejected
from servicebus_emulator.amqp.types import Described, Symbol
from servicebus_emulator.broker.entities import EntityStatus, QueueDescription
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World

FILTER = Symbol("com.microsoft:session-filter")
LOCK = 30.0
SETTINGS = {"requires_session": True, "lock_duration": LOCK}


@pytest.fixture
def world() -> World:
    return World(orders=SETTINGS)


def in_session(name: str, text: str) -> bytes:
    return message.encode_bare(
        BareMessage(Properties(message_id=text, group_id=name), data=[text.encode()])
    )


def receiver(client: Client, session: Any = None, credit: int = 0, **options: Any) -> Link:
    return client.receiver(credit=credit, filters={FILTER: session}, **options)


def accepted_session(link: Link) -> Any:
    assert link.remote is not None
    assert link.remote.source is not None
    return (link.remote.source.filter or {}).get(FILTER)


def condition(client: Client) -> str:
    error = client.detached()
    assert error is not None
    return error.condition


@pytest.mark.parametrize("wanted", ["a", Described(FILTER, "a")])
def test_the_answer_names_the_session_and_the_end_of_its_lock(world: World, wanted: Any) -> None:
    link = receiver(Client(world), wanted)

    assert link.remote is not None
    assert link.remote.source is not None
    assert (link.remote.source.filter or {})[FILTER] == wanted  # in the form that was asked for
    ticks = (link.remote.properties or {})["com.microsoft:locked-until-utc"]
    assert ticks == 621_355_968_000_000_000 + 10_000_000 * round(world.now + LOCK)


def test_each_receiver_gets_its_own_session_only(world: World) -> None:
    first, second = Client(world), Client(world)
    receiver(first, "a", credit=9)
    receiver(second, "b", credit=9)
    sender = first.sender()
    for name, text in (("a", "a1"), ("b", "b1"), ("a", "a2")):
        first.send(sender, in_session(name, text))

    assert first.texts() == ["a1", "a2"]
    assert second.texts() == ["b1"]


def test_who_asks_for_any_session_waits_until_there_is_one(world: World) -> None:
    client = Client(world)
    link = receiver(client)
    waiting = link.attached
    client.send(client.sender(), in_session("z", "hello"))
    link.grant(1)
    world.turn()

    assert (waiting, accepted_session(link)) == (False, "z")
    assert client.texts() == ["hello"]


def test_those_who_wait_are_served_in_their_order(world: World) -> None:
    client = Client(world)
    links = [receiver(client) for _ in range(3)]
    for name in ("x", "y"):
        client.send(client.sender(), in_session(name, name))

    assert [accepted_session(link) for link in links if link.attached] == ["x", "y"]


def test_who_waits_in_vain_is_told_so_in_time(world: World) -> None:
    client = Client(world)
    receiver(client)
    deadline = world.container.next_deadline()
    world.pass_time(59.0)
    patient = not client.taken(events.LinkDetached)
    world.pass_time(1.0)

    assert (deadline, patient) == (1060.0, True)
    assert condition(client) == "com.microsoft:timeout"


def test_a_client_says_how_long_it_waits(world: World) -> None:
    client = Client(world)
    client.receiver(filters={FILTER: None}, properties={Symbol("com.microsoft:timeout"): 1500})
    world.pass_time(1.5)

    assert condition(client) == "com.microsoft:timeout"


def test_who_stops_waiting_gets_no_session(world: World) -> None:
    client, other = Client(world), Client(world)
    receiver(client)
    client.connection.close()
    world.turn()
    link = receiver(other)
    other.send(other.sender(), in_session("a", "x"))

    assert accepted_session(link) == "a"


def test_a_session_that_is_taken_is_refused_and_free_when_its_link_ends(world: World) -> None:
    first, second = Client(world), Client(world)
    link = receiver(first, "a")
    receiver(second, "a")
    assert condition(second) == "com.microsoft:session-cannot-be-locked"
    link.detach()
    world.turn()
    assert accepted_session(receiver(second, "a")) == "a"


def test_a_lost_session_ends_its_link(world: World) -> None:
    client = Client(world)
    receiver(client, "a", credit=1)
    client.send(client.sender(), in_session("a", "x"))
    world.pass_time(LOCK)

    assert condition(client) == "com.microsoft:session-lock-lost"
    again = receiver(client, "a", credit=1)
    assert again.attached
    first, second = client.deliveries()
    assert message.decode_header(sections.split(second.payload).header).delivery_count == 1
    assert first.payload != second.payload


def test_a_settlement_after_the_loss_is_refused(world: World) -> None:
    client = Client(world)
    receiver(client, "a", credit=1)
    client.send(client.sender(), in_session("a", "x"))
    [delivery] = client.deliveries()
    world.now += LOCK  # the clock has gone on, and nobody has looked yet
    client.outcomes()
    outcome = client.settle(delivery, Accepted())

    assert isinstance(outcome, Rejected)
    assert outcome.error is not None
    assert outcome.error.condition == "com.microsoft:session-lock-lost"


def test_draining_ends_when_the_session_has_no_more(world: World) -> None:
    client = Client(world)
    link = receiver(client, "a")
    client.send(client.sender(), in_session("a", "x"))
    client.send(client.sender(), in_session("b", "y"))
    link.grant(5)
    link.drain()
    world.turn()

    assert client.texts() == ["x"]
    assert link.credit == 0


def test_receivers_have_to_fit_the_entity(world: World) -> None:
    client = Client(world)
    client.receiver()
    assert condition(client) == "amqp:not-allowed"
    world.namespace.create_queue("plain", now=world.now)
    client.receiver("plain", filters={FILTER: "a"})
    assert condition(client) == "amqp:not-allowed"


def test_those_who_wait_at_a_queue_that_is_disabled_are_sent_away(world: World) -> None:
    client = Client(world)
    receiver(client)
    disabled = QueueDescription(status=EntityStatus.DISABLED, **SETTINGS)  # type: ignore[arg-type]
    world.namespace.update_queue("orders", disabled, now=world.now)
    world.turn()
    other = Client(world)
    receiver(other, "a")

    assert condition(other) == "com.microsoft:entity-disabled"
    assert condition(client) == "com.microsoft:entity-disabled"


def test_who_deletes_what_it_receives_keeps_its_session_while_it_is_there(world: World) -> None:
    client = Client(world)
    link = receiver(client, "a", credit=9, settled=True)
    world.pass_time(2 * LOCK)
    world.queue().renew_session_lock("a", world.now)
    world.pass_time(2 * LOCK)
    client.send(client.sender(), in_session("a", "1"))

    assert (link.attached, client.texts()) == (True, ["1"])
    link.detach()
    world.turn()
    assert accepted_session(receiver(Client(world), "a")) == "a"


def test_a_sender_that_goes_leaves_sessions_to_their_receivers(world: World) -> None:
    client = Client(world)
    receiver(client, "s", credit=5)
    sender = client.sender()
    client.send(sender, in_session("s", "a"))
    sender.detach()
    world.turn()
    client.send(client.sender(), in_session("s", "b"))

    assert client.texts() == ["a", "b"]
