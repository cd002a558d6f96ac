import pytest

from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.performatives import RECEIVER, SENDER, Source, Target
from servicebus_emulator.amqp.types import Described
from tests.unit.servicebus_emulator.nodes.in_memory import LISTENER, Client, World, body


def refusal(client: Client) -> str:
    """The condition of the one link that was refused."""
    error = client.detached()
    assert error is not None
    return error.condition


@pytest.mark.parametrize("address", ["orders", "ORDERS", "amqps://h:1/orders", "/orders/"])
def test_a_queue_is_found_however_it_is_written(address: str) -> None:
    client = Client(World())
    client.send(client.sender(address), body("a"))
    client.receiver("orders", credit=1)

    assert client.texts() == ["a"]


def test_the_address_is_echoed_as_it_was_written() -> None:
    client = Client(World())
    client.receiver("amqps://h:1/orders")
    attached = client.taken(events.LinkAttached)[-1].attach

    assert attached.source is not None
    assert attached.source.address == "amqps://h:1/orders"


def test_a_sender_is_told_how_large_a_message_may_be() -> None:
    client = Client(World())
    client.sender()

    assert client.taken(events.LinkAttached)[-1].attach.max_message_size == 262_144


@pytest.mark.parametrize("address", ["nobody", "nobody/$management", "orders/$Unknown"])
def test_what_does_not_exist_is_not_found(address: str) -> None:
    client = Client(World())
    client.receiver(address)

    assert refusal(client) == "amqp:not-found"


def test_a_refused_link_shows_null_termini_first() -> None:
    client = Client(World())
    client.receiver("nobody")
    attached = client.taken(events.LinkAttached)[-1].attach

    assert (attached.source, attached.target) == (None, None)


def test_a_key_that_may_only_listen_cannot_send() -> None:
    client = Client(World(), LISTENER)
    client.receiver("orders")
    client.sender("orders")

    assert refusal(client) == "amqp:unauthorized-access"


def test_who_has_proved_nothing_is_told_nothing_about_what_exists() -> None:
    client = Client(World())
    client.peer._claims.clear()
    conditions = []
    for address in ("orders", "nobody", "orders/$management"):
        client.receiver(address)
        conditions.append(refusal(client))

    assert conditions == ["amqp:unauthorized-access"] * 3


def test_a_target_of_another_kind_is_refused() -> None:
    client = Client(World())
    stranger = Described(0x99, [None])
    client.session.attach("tx", SENDER, source=Source("c"), target=stranger)
    client.world.turn()

    assert refusal(client) == "amqp:not-implemented"


def test_a_link_without_an_address_is_refused() -> None:
    client = Client(World())
    client.session.attach("x", SENDER, source=Source("c"), target=Target(None))
    client.session.attach("y", RECEIVER, source=None, target=Target("c"))
    client.world.turn()
    conditions = [
        event.error and event.error.condition for event in client.taken(events.LinkDetached)
    ]

    assert conditions == ["amqp:invalid-field"] * 2


def test_a_connection_has_one_pair_of_links_to_cbs_at_a_time() -> None:
    client = Client(World())
    first = client.sender("$cbs")
    client.receiver("$cbs")

    for again in (client.sender, client.receiver):
        again("$cbs")
        error = client.detached()
        assert error is not None
        assert error.condition == "amqp:not-allowed"
        assert "already been opened" in (error.description or "")
        client.events.clear()
    first.detach()
    client.world.turn()
    client.events.clear()
    assert client.sender("$cbs").attached
