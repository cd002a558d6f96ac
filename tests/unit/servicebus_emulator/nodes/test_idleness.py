import pytest

from servicebus_emulator.amqp import errors, events
from servicebus_emulator.amqp.outcomes import Accepted
from servicebus_emulator.nodes.idleness import IdleLimits
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body

MINUTE = 60.0


@pytest.fixture
def world() -> World:
    return World(idle_limits=IdleLimits())


def detached(client: Client) -> list[str | None]:
    """The conditions with which links of the client were detached."""
    gone = client.taken(events.LinkDetached)
    return [event.error.condition if event.error else None for event in gone]


def closed(client: Client) -> str:
    [event] = client.taken(events.ConnectionClosed)
    assert event.error is not None
    assert event.error.condition == errors.CONNECTION_FORCED
    return event.error.description


def test_an_idle_link_is_detached_after_ten_minutes(world: World) -> None:
    client = Client(world)
    client.sender()
    world.pass_time(10 * MINUTE - 1)
    early = detached(client)
    world.pass_time(1)

    assert (early, detached(client)) == ([], [errors.DETACH_FORCED])


@pytest.mark.parametrize("act", ["send", "flow", "settle", "receive"])
def test_a_link_that_is_used_is_not_idle(world: World, act: str) -> None:
    client, other = Client(world), Client(world)
    sender, receiver = client.sender(), client.receiver(credit=0 if act == "flow" else 2)
    other.send(other.sender(), body("a"))
    world.pass_time(10 * MINUTE - 1)
    if act == "send":
        client.send(sender, body("b"))
    elif act == "flow":
        receiver.grant(1)
    elif act == "settle":
        client.settle(client.deliveries()[0], Accepted())
    else:
        other.send(other.sender(), body("b"))
    world.turn()
    world.pass_time(2)
    used = sender if act == "send" else receiver

    assert used.attached


def test_the_next_change_is_when_a_link_will_have_been_idle(world: World) -> None:
    client = Client(world)
    sender = client.sender()
    world.pass_time(MINUTE)
    client.send(sender, body("a"))

    assert world.container.next_change() == world.now + 10 * MINUTE


def test_a_connection_whose_links_are_gone_is_closed_after_five_minutes(world: World) -> None:
    client = Client(world)
    client.sender()
    world.pass_time(10 * MINUTE)
    world.pass_time(5 * MINUTE - 1)
    assert client.taken(events.ConnectionClosed) == []
    world.pass_time(1)

    assert "more than the allowed 300000 milliseconds" in closed(client)


def test_a_connection_that_never_had_a_link_is_closed_after_a_minute(world: World) -> None:
    client = Client(world)
    world.pass_time(MINUTE)

    assert "more than the allowed 60000 milliseconds" in closed(client)


def test_a_new_link_saves_the_connection(world: World) -> None:
    client = Client(world)
    client.sender().detach()
    world.turn()
    world.pass_time(4 * MINUTE)
    link = client.sender()
    world.pass_time(4 * MINUTE)

    assert link.attached


def test_a_link_that_the_client_ended_is_not_ended_again(world: World) -> None:
    client = Client(world)
    client.sender().detach()
    client.sender()
    client.session.end()
    world.turn()
    client.taken(events.LinkDetached)
    world.pass_time(10 * MINUTE)

    assert detached(client) == []


def test_a_client_that_is_gone_is_not_waited_for(world: World) -> None:
    client = Client(world)
    client.sender()
    world.container.disconnected(client.peer, world.now)
    del world.clients[client.peer]

    assert world.container.next_change() is None


def test_without_limits_nobody_is_idle() -> None:
    world = World()
    client = Client(world)
    link = client.sender()
    world.pass_time(24 * 60 * MINUTE)

    assert link.attached
