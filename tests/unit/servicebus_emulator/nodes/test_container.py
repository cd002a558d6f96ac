import pytest

from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.outcomes import Accepted, Rejected
from servicebus_emulator.amqp.performatives import RECEIVER, Source, Target
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
