"""Faults that happen at once, and not when a client does something."""

from typing import TYPE_CHECKING

import pytest

from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.link import Link
from servicebus_emulator.amqp.outcomes import Accepted
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.nodes.watch import Fate
from tests.unit.servicebus_emulator.control.desk import Desk, answer_of
from tests.unit.servicebus_emulator.nodes.in_memory import Client
from tests.unit.servicebus_emulator.nodes.requests import Asker

if TYPE_CHECKING:
    from servicebus_emulator.broker.queue import Queue


@pytest.mark.parametrize(("action", "fate"), [("drop", Fate.DROP), ("half-open", Fate.HALF_OPEN)])
def test_connections_break_at_once(desk: Desk, action: str, fate: Fate) -> None:
    assert desk.inject("now", action, connection="cli*").hits == 1
    assert desk.client.peer.fate is fate


def test_only_connections_to_the_entity_break(desk: Desk) -> None:
    other = Client(desk.world)
    other.sender("invoices")
    desk.inject("now", "drop", entity="invoices")

    assert (desk.client.peer.fate, other.peer.fate) == (None, Fate.DROP)


def attached(*links: Link) -> list[bool]:
    return [link.attached for link in links]


def test_links_are_detached_at_once_but_not_that_of_the_claims(desk: Desk) -> None:
    asker = Asker(desk.client, "$cbs")
    links = desk.client.sender("orders"), desk.client.receiver("invoices")
    injected = desk.inject("now", "detach")

    assert (injected.hits, attached(*links)) == (2, [False, False])
    assert attached(asker.request_link, asker.reply_link) == [True, True]


def test_expired_tokens_end_the_links_and_open_no_new_ones(desk: Desk) -> None:
    link = desk.client.sender()
    desk.inject("now", "expire-tokens")
    desk.client.sender()
    conditions = [event.error for event in desk.client.taken(events.LinkDetached)]

    assert not link.attached
    assert [error.condition for error in conditions if error] == ["amqp:unauthorized-access"] * 2


def test_no_more_links_are_detached_than_was_wanted(desk: Desk) -> None:
    links = desk.client.sender("orders"), desk.client.receiver("invoices")

    assert (desk.inject("now", "detach", times=1).hits, attached(*links)) == (1, [False, True])


def test_locks_are_lost_wherever_messages_can_be(desk: Desk) -> None:
    world = desk.world
    topic = world.namespace.create_topic("news", now=world.now)
    queues: list[Queue] = [world.queue(), topic.create_subscription("all", now=world.now)]
    queues += [sub_queue for queue in queues for sub_queue in queue.sub_queues()]
    for name in ("locked", "waiting"):
        for entity in (world.queue(), topic):
            entity.take([Message(name, content=b"", size=0)], world.now)
        for grave in queues[2:]:
            grave.admit_dead_letter(Message(name, content=b"", size=0), world.now)
    for queue in queues:
        assert queue.receive(ReceiveMode.PEEK_LOCK, world.now)

    assert (desk.inject("now", "lose-lock").hits, len(queues)) == (6, 6)


def test_all_locks_of_an_entity_are_lost_at_once(desk: Desk) -> None:
    delivery = desk.receive()
    elsewhere = desk.inject("now", "lose-lock", entity="invoices")
    injected = desk.inject("now", "lose-lock", entity="orders")

    assert (elsewhere.hits, injected.hits) == (0, 1)
    assert answer_of(desk.client.settle(delivery, Accepted())) == "com.microsoft:message-lock-lost"
