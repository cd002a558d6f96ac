import json
import math
from typing import Any

import pytest

from servicebus_emulator.amqp.message import BareMessage, Properties, encode_bare
from servicebus_emulator.broker.message import Message
from servicebus_emulator.control import inspection
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body


def messages(world: World, path: str = "orders") -> list[dict[str, Any]]:
    queue = world.namespace.resolve_queue(path)
    found = inspection.messages(queue, world.container.peers, 0, 100, world.now)
    json.dumps(found)
    return found


def test_entities_are_told_with_their_counts() -> None:
    world = World(orders={}, invoices={})
    topic = world.namespace.create_topic("news", now=world.now)
    topic.create_subscription("all", now=world.now)
    client = Client(world)
    for text in "ab":
        client.send(client.sender(), body(text))
    client.receiver(credit=1)
    told = {each["path"]: each for each in inspection.entities(world.namespace, world.now)}
    orders = told["orders"]

    assert list(told) == ["invoices", "orders", "news", "news/Subscriptions/all"]
    assert (orders["active"], orders["locked"], orders["status"]) == (2, 1, "Active")
    assert (told["invoices"]["accessed_at"], orders["accessed_at"] is None) == (None, False)
    assert (told["news"]["kind"], told["news/Subscriptions/all"]["rules"]) == (
        "topic",
        ["$Default"],
    )


def test_a_locked_message_is_told_with_its_holder() -> None:
    world = World()
    client = Client(world)
    client.send(client.sender(), body("a"))
    link = client.receiver(credit=1)
    [message] = messages(world)

    assert (message["state"], message["message_id"], message["body"]) == ("locked", "a", "a")
    assert message["lock"]["holder"] == {
        "connection": 1,
        "container_id": "client",
        "link": link.name,
    }
    assert message["lock"]["until"] == "1970-01-01T00:17:40+00:00"


def test_the_holder_of_a_lock_may_be_gone() -> None:
    world = World()
    client = Client(world)
    client.send(client.sender(), body("a"))
    client.receiver(credit=1)
    client.session.end()
    world.turn()

    assert messages(world)[0]["lock"]["holder"] is None


def test_a_dead_letter_is_told_with_its_reason() -> None:
    world = World()
    client = Client(world)
    client.send(client.sender(), body("a"))
    client.receiver(credit=1)
    [delivery] = client.deliveries()
    world.queue().dead_letter(
        world.namespace.resolve_queue("orders").peek(0, 1, world.now)[0].lock.token,  # type: ignore[union-attr]
        world.now,
        "broken",
        "beyond repair",
    )
    [message] = messages(world, "orders/$DeadLetterQueue")

    assert delivery.link.attached
    assert (message["dead_letter_reason"], message["state"]) == ("broken", "active")


@pytest.mark.parametrize(
    ("bare", "shown"),
    [
        (BareMessage(data=[b"text"]), "text"),
        (BareMessage(data=[b"\xff"]), "\\xff"),
        (BareMessage(value="text", has_value=True), "text"),
        (BareMessage(value=[1, 2], has_value=True), "[1, 2]"),
        (BareMessage(sequences=[[1]]), "[[1]]"),
        (BareMessage(data=[b"x" * 9000]), "x" * inspection.PREVIEW_SIZE + "…"),
    ],
)
def test_a_body_is_shown_as_text(bare: BareMessage, shown: str) -> None:
    world = World()
    world.queue().send(Message("id", encode_bare(bare), 1), world.now)

    assert messages(world)[0]["body"] == shown


def test_properties_are_shown_as_far_as_json_has_them() -> None:
    world = World()
    bare = BareMessage(
        Properties(subject="s", content_type="text/plain", correlation_id=b"\1"),
        {"number": 1, "bytes": b"b", "infinite": math.inf},
        data=[b""],
    )
    world.queue().send(Message("id", encode_bare(bare), 1), world.now)
    [message] = messages(world)

    assert (message["subject"], message["content_type"]) == ("s", "text/plain")
    assert message["application_properties"] == {"number": 1, "bytes": "b'b'", "infinite": "inf"}


def test_properties_are_shown_as_receivers_get_them() -> None:
    world = World()
    bare = BareMessage(Properties(subject="old"), {"a": 1, "b": 2}, data=[b""])
    sent = Message("id", encode_bare(bare), 1)
    sent.properties_to_modify, sent.system_changes = {"a": 3}, {"Subject": "new"}
    world.queue().send(sent, world.now)
    [message] = messages(world)

    assert (message["subject"], message["application_properties"]) == ("new", {"a": 3, "b": 2})


def test_what_cannot_be_read_is_told_so() -> None:
    world = World()
    world.queue().send(Message("id", b"garbage", 1, time_to_live=5.0), world.now)
    [message] = messages(world)

    assert "cannot be read" in message["content"]
    assert message["expires_at"] == "1970-01-01T00:16:45+00:00"


def test_clients_are_told_with_their_links() -> None:
    world = World()
    client, other = Client(world), Client(world)
    client.send(client.sender(), body("a"))
    client.receiver(credit=3)
    told = inspection.connections(world.container.peers)
    json.dumps(told)
    first, second = told
    sender, receiver = first["links"]

    assert (first["id"], first["container_id"], first["state"]) == (1, "client", "opened")
    assert (sender["client_is"], sender["entity"]) == ("sender", "orders")
    assert (receiver["client_is"], receiver["credit"], receiver["unsettled"]) == ("receiver", 2, 1)
    assert (second["links"], other.peer.number) == ([], 2)
