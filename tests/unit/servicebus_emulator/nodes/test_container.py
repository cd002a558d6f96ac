from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.outcomes import Accepted
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
    world.container.entities_changed()
    world.turn()
    detached = client.taken(events.LinkDetached)

    assert [event.error.condition for event in detached if event.error] == ["amqp:not-found"] * 2


def test_links_of_a_queue_that_was_made_anew_are_detached() -> None:
    world = World()
    client = Client(world)
    client.receiver(credit=1)
    world.namespace.delete_queue("orders")
    world.namespace.create_queue("orders", now=world.now)
    world.container.entities_changed()
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


def test_the_key_of_the_world_is_the_well_known_one() -> None:
    assert Client(World(), ROOT_KEY).peer.opened
