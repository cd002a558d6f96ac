from dataclasses import replace

import pytest

from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.outcomes import Accepted, Rejected
from servicebus_emulator.amqp.performatives import RECEIVER, Source, Target
from servicebus_emulator.broker.limits import Limits
from servicebus_emulator.control.fault_desk import FaultDesk
from servicebus_emulator.control.faults import Fault
from servicebus_emulator.nodes.idleness import IdleLimits
from servicebus_emulator.nodes.sas import ROOT_KEY
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body


def test_a_client_that_opened_is_known_as_open() -> None:
    assert Client(World()).peer.opened


def test_a_wrong_password_ends_the_connection() -> None:
    client = Client(World(), password="wrong")

    assert client.taken(events.ConnectionOpened) == []
    assert client.connection.finished


def test_the_container_names_itself_and_its_limits_in_open() -> None:
    client = Client(World())
    [opened] = client.taken(events.ConnectionOpened)

    assert (opened.container_id, opened.max_frame_size) == ("world", 65_536)
    assert opened.idle_time_out == 240_000


def test_links_of_an_ended_session_receive_no_more() -> None:
    world = World()
    gone, other = Client(world), Client(world)
    gone.receiver(credit=9)
    gone.session.end()
    world.turn()
    other.receiver(credit=1)
    other.send(other.sender(), body("a"))

    assert (gone.texts(), other.texts()) == ([], ["a"])


def test_links_of_a_closed_connection_receive_no_more() -> None:
    world = World()
    gone, other = Client(world), Client(world)
    gone.receiver(credit=9)
    gone.connection.close()
    world.turn()
    other.receiver(credit=1)
    other.send(other.sender(), body("a"))

    assert other.texts() == ["a"]


def test_links_of_a_deleted_queue_are_detached() -> None:
    world = World(orders={}, invoices={})
    client = Client(world)
    client.sender("orders")
    client.receiver("orders/$DeadLetterQueue", credit=1)
    client.sender("invoices")
    world.namespace.delete_queue("orders")
    world.turn()
    detached = client.taken(events.LinkDetached)

    assert [event.error.condition for event in detached if event.error] == ["amqp:not-found"] * 2


def test_links_of_a_queue_that_was_made_anew_are_detached() -> None:
    world = World()
    client = Client(world)
    client.receiver(credit=1)
    world.namespace.delete_queue("orders")
    world.namespace.create_queue("orders", now=world.now)
    world.turn()

    assert client.detached() is not None


def test_closing_tells_every_client_why() -> None:
    world = World()
    clients = [Client(world), Client(world)]
    world.container.close(AmqpError("amqp:connection:forced", "bye"))
    world.turn()

    for client in clients:
        [closed] = client.taken(events.ConnectionClosed)
        assert closed.error is not None
        assert closed.error.condition == "amqp:connection:forced"


def test_the_next_deadline_is_that_of_the_entities() -> None:
    client = Client(World(orders={"lock_duration": 30.0}))
    before = client.world.container.next_deadline()
    client.send(client.sender(), body("a"))
    client.receiver(credit=1)

    assert before is None
    assert client.world.container.next_deadline() == 1030.0


def test_one_connection_serves_many_links() -> None:
    client = Client(World(orders={}, invoices={}))
    client.receiver("invoices", credit=1)
    client.send(client.sender("orders"), body("a"))
    client.send(client.sender("invoices"), body("b"))

    assert client.texts() == ["b"]
    assert client.outcomes() == [Accepted(), Accepted()]


def test_a_link_that_is_detached_in_the_breath_it_was_attached_in_is_no_link() -> None:
    client = Client(World())
    link = client.session.attach("x", RECEIVER, source=Source("orders"), target=Target("c"))
    link.detach()
    client.world.turn()

    assert client.peer.ends == {}
    assert not client.connection.finished


def test_a_session_that_ends_in_the_breath_of_an_attach_leaves_nothing() -> None:
    client = Client(World())
    client.session.attach("x", RECEIVER, source=Source("orders"), target=Target("c"))
    client.session.end()
    client.world.turn()

    assert client.peer.ends == {}
    assert not client.connection.finished


@pytest.mark.parametrize("node", ["orders", "$cbs"])
def test_a_drain_and_a_detach_in_one_breath_are_harmless(node: str) -> None:
    client = Client(World())
    link = client.receiver(node, credit=5)
    link.drain()
    link.detach()
    client.world.turn()

    assert client.peer.ends == {}
    assert not client.connection.finished


def test_a_request_is_rejected_when_its_reply_link_goes_in_the_same_breath() -> None:
    client = Client(World())
    reply_link, request_link = client.receiver("$cbs", credit=1), client.sender("$cbs")
    request_link.send(body("request"), delivery_tag=b"1")
    reply_link.detach()
    client.world.turn()

    assert [type(outcome) for outcome in client.outcomes()] == [Rejected]


def test_one_connection_too_many_is_closed_and_told_why() -> None:
    world = World(limits=Limits(max_connections=2))
    clients = [Client(world) for _ in range(2)]
    refused = Client(world, password=ROOT_KEY.key)
    [closed] = refused.taken(events.ConnectionClosed)

    assert closed.error is not None
    assert closed.error.condition == "amqp:resource-limit-exceeded"
    assert "ConnectionsQuotaExceeded for namespace: sbemulatorns" in closed.error.description
    assert not any(client.connection.closing or client.connection.finished for client in clients)


@pytest.mark.parametrize("is_polite", [True, False])
def test_a_connection_that_has_ended_makes_room_for_another(is_polite: bool) -> None:
    world = World(limits=Limits(max_connections=1))
    first = Client(world)
    if is_polite:
        first.connection.close()
        world.turn()
    else:
        world.container.disconnected(first.peer, world.now)
        world.clients.clear()
    second = Client(world)
    world.container.disconnected(first.peer, world.now)

    assert second.peer.opened
    assert not Client(world, password=ROOT_KEY.key).peer.opened


def test_a_connection_that_was_refused_takes_no_room() -> None:
    world = World(limits=Limits(max_connections=1))
    first = Client(world)
    refused = Client(world, password=ROOT_KEY.key)
    world.container.disconnected(refused.peer, world.now)
    first.connection.close()
    world.turn()

    assert Client(world).peer.opened


def test_one_receiver_too_many_is_told_that_the_server_is_busy() -> None:
    world = World(limits=Limits(max_receivers=1), orders={}, rooms={"requires_session": True})
    client = Client(world)
    first = client.receiver("orders")
    client.receiver("orders")
    refused = client.detached()
    first.detach()
    world.turn()
    client.taken(events.LinkDetached)

    assert refused is not None
    assert refused.condition == "com.microsoft:server-busy"
    assert client.receiver("orders").attached


@pytest.mark.parametrize("idle_limits", [None, IdleLimits()])
def test_what_was_put_off_on_a_link_that_is_gone_meanwhile_does_not_happen(
    idle_limits: IdleLimits | None,
) -> None:
    world = World(idle_limits=idle_limits)
    client, other = Client(world), Client(world)
    faults = FaultDesk(world.container, world.namespace, lambda _: lambda: 0.5)
    sender = client.sender()
    other.send(other.sender(), body("a"))
    receiver = client.receiver(credit=1)
    [delivery] = client.deliveries()
    for operation in ("send", "settle"):
        faults.add(Fault(operation, "delay", delay=1.0), world.now)
    client.send(sender, body("b"))
    receiver.settle(delivery.delivery_id, outcome=Accepted(), settled=False)
    receiver.grant(5)
    client.session.end()
    world.turn()
    world.pass_time(1.0)

    counts = world.queue().counts(world.now)
    assert (counts.active, len(world.queue())) == (1, 1)
    assert client.deliveries() == []


def test_a_client_whose_session_window_opens_again_is_sent_what_waits() -> None:
    world = World()
    client, other = Client(world), Client(world)
    first, client.session = client.session, client.connection.begin()
    world.turn()
    client.receiver("orders/$DeadLetterQueue", credit=5)  # which no window has kept waiting
    client.session = first
    client.receiver(credit=5)
    client.session.write(replace(client.session.flow_frame(), incoming_window=0))
    world.turn()
    other.send(other.sender(), body("a"))
    closed = client.texts()
    client.session.write(client.session.flow_frame())
    world.turn()

    assert (closed, client.texts()) == ([], ["a"])
