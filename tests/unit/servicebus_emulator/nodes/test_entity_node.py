"""Links to topics and subscriptions."""

import pytest

from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.events import LinkDetached
from servicebus_emulator.broker.entities import SubscriptionDescription
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body

ONE = "news/Subscriptions/one"


@pytest.fixture
def world() -> World:
    world = World()
    topic = world.namespace.create_topic("news", now=world.now)
    for name in ("one", "two"):
        topic.create_subscription(name, now=world.now)
    return world


def refused(client: Client) -> AmqpError:
    error = client.detached()
    assert error is not None
    return error


def test_what_is_sent_to_a_topic_comes_on_the_links_of_its_subscriptions(world: World) -> None:
    client = Client(world)
    client.receiver(ONE, credit=5)
    client.receiver("amqps://host:5671/NEWS/subscriptions/TWO", credit=5)
    client.send(client.sender("news"), body("hello"))

    assert client.texts() == ["hello", "hello"]


def test_a_topic_gives_no_messages_and_a_subscription_takes_none(world: World) -> None:
    client = Client(world)
    client.receiver("news")
    assert refused(client).condition == "amqp:not-allowed"
    client.send(client.sender(ONE), body("x"))
    [outcome] = client.outcomes()
    assert "from its topic" in str(outcome)


def test_the_links_of_a_deleted_topic_and_its_subscriptions_are_detached(world: World) -> None:
    client = Client(world)
    client.sender("news")
    client.receiver(ONE)
    world.namespace.delete_topic("news")
    world.turn()

    assert [refused.condition for refused in detached(client)] == ["amqp:not-found"] * 2


def test_an_idle_subscription_stays_while_a_link_ends_there(world: World) -> None:
    description = SubscriptionDescription(auto_delete_on_idle=300.0)
    topic = world.namespace.get_topic("news")
    for name in ("idle", "held"):
        topic.create_subscription(name, description, now=world.now)
    client = Client(world)
    link = client.receiver("news/Subscriptions/held")
    world.pass_time(301.0)
    held = [each.name for each in topic.subscriptions]
    link.detach()
    world.turn()
    world.pass_time(301.0)

    assert held == ["held", "one", "two"]
    assert [each.name for each in topic.subscriptions] == ["one", "two"]


def detached(client: Client) -> list[AmqpError]:
    errors = [event.error for event in client.taken(LinkDetached)]
    return [error for error in errors if error is not None]


def test_all_who_send_to_a_topic_share_its_node(world: World) -> None:
    client = Client(world)
    client.receiver(ONE, credit=5)
    for text in ("a", "b"):
        client.send(client.sender("news"), body(text))

    assert client.texts() == ["a", "b"]
