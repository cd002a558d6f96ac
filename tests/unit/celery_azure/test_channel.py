from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kombu
import pytest
from celery.worker import state

from celery_azure.administration import FOR_EVER, Life
from celery_azure.amqp.messages import FIRST_COPY, Message
from celery_azure.errors import RefusedError
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.errors import EntityNotFound
from tests.unit.celery_azure.inline import URL, connect, create_queue, inline_world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.unit.celery_azure.amqp.world import World


LIVES = [
    ({}, None, None),
    ({"auto_delete": True}, 300.0, None),
    ({"exclusive": True}, 300.0, None),
    ({"auto_delete": True, "expires": 86_400}, 86_400.0, None),
    ({"expires": 10}, 300.0, None),
    ({"message_ttl": 60}, None, 60.0),
]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with inline_world(monkeypatch, max_delivery_count=5) as world:
        yield world


@pytest.fixture
def connection(world: World) -> Iterator[kombu.Connection]:
    del world
    with connect() as connection:
        yield connection


def publish(connection: kombu.Connection, *bodies: str, **options: Any) -> None:
    producer = kombu.Producer(connection.default_channel)
    for body in bodies:
        producer.publish(body, routing_key="jobs", **options)


def counted(world: World) -> tuple[int, int]:
    """How many messages wait, and how many are dead."""
    counts = world.queue.counts(world.now)
    return counts.active, counts.dead_letter


def test_celerys_time_for_a_connection_goes_unless_the_options_have_one(world: World) -> None:
    for given, options, wanted in ((2, {}, 2), (2, {"connect_timeout": 7}, 7), (None, {}, 4)):
        connection = kombu.Connection(
            URL,
            transport="celery_azure.transport:Transport",
            connect_timeout=given,
            transport_options=options,
        )
        assert connection.transport.options.connect_timeout == wanted


def test_what_is_published_is_got_acknowledged_and_gone(
    world: World, connection: kombu.Connection
) -> None:
    publish(connection, "first", "second")
    for body in ("first", "second"):
        message = connection.default_channel.basic_get("jobs")
        assert message.payload == body
        message.ack()
    assert connection.default_channel.basic_get("jobs") is None
    assert counted(world) == (0, 0)


def test_a_message_that_is_got_for_good_needs_no_acknowledgement(
    world: World, connection: kombu.Connection
) -> None:
    publish(connection, "first")
    assert connection.default_channel.basic_get("jobs", no_ack=True).payload == "first"
    assert counted(world) == (0, 0)


def test_a_message_that_was_given_no_priority_comes_without_one(
    connection: kombu.Connection,
) -> None:
    publish(connection, "first")
    publish(connection, "second", priority=7)
    for priority in (0, 7):
        message = connection.default_channel.basic_get("jobs")
        assert message.properties["priority"] == priority
        message.ack()


def test_a_message_that_is_requeued_comes_again_marked_as_such(
    world: World, connection: kombu.Connection
) -> None:
    publish(connection, "first")
    connection.default_channel.basic_get("jobs").requeue()
    again = connection.default_channel.basic_get("jobs")
    assert again.payload == "first"
    assert again.delivery_info["redelivered"]
    again.ack()
    assert counted(world) == (0, 0)


def test_a_message_that_is_rejected_is_a_dead_letter(
    world: World, connection: kombu.Connection
) -> None:
    publish(connection, "first")
    connection.default_channel.basic_get("jobs").reject()
    assert counted(world) == (0, 1)


def test_what_kombu_did_not_write_is_a_dead_letter(
    world: World, connection: kombu.Connection
) -> None:
    connection.transport.namespace.publish("jobs", Message(b"\xff").to_bytes(), 5.0)
    assert connection.default_channel.basic_get("jobs") is None
    assert counted(world) == (0, 1)


def test_who_gets_a_message_is_given_the_first_that_kombu_did_write(
    world: World, connection: kombu.Connection
) -> None:
    connection.transport.namespace.publish("jobs", Message(b"\xff").to_bytes(), 5.0)
    publish(connection, "first")
    assert connection.default_channel.basic_get("jobs", no_ack=True).payload == "first"
    assert counted(world) == (0, 1)


def test_what_is_no_message_is_refused_by_the_broker(connection: kombu.Connection) -> None:
    with pytest.raises(RefusedError, match="amqp:decode-error"):
        connection.transport.namespace.publish("jobs", b"\x00\x53\x99\x40", 5.0)


def test_a_message_that_cannot_be_written_is_refused_before_anything_is_sent(
    world: World, connection: kombu.Connection
) -> None:
    with pytest.raises(RefusedError, match="cannot be written"):
        publish(connection, "first", headers={"task": "odd \ud800", "id": "1"})
    assert counted(world) == (0, 0)


def test_a_consumer_gets_as_many_as_it_may_hold(world: World, connection: kombu.Connection) -> None:
    publish(connection, *"abcd")
    channel, got = connection.channel(), list[Any]()
    channel.basic_qos(0, 2, False)
    consumer = kombu.Consumer(channel, [kombu.Queue("jobs")], on_message=got.append)
    consumer.consume()
    drain(connection)
    assert [message.payload for message in got] == ["a", "b"]
    for message in list(got):
        message.ack()
    drain(connection)
    assert [message.payload for message in got] == ["a", "b", "c", "d"]
    channel.close()
    assert counted(world) == (2, 0)


def test_more_room_is_used_though_nothing_is_acknowledged(connection: kombu.Connection) -> None:
    channel, feed = connection.channel(), connection.transport.feed
    channel.basic_qos(0, 1, False)
    got: list[Any] = []
    for name in ("jobs", "others"):
        kombu.Consumer(channel, [kombu.Queue(name)], on_message=got.append).consume()
    publish(connection, *"ab")
    drain(connection)
    for consumer in channel._queue_consumers.values():
        consumer.receiver.is_paused = True  # what was read ahead has waited for too long
    feed.clear()
    channel.basic_qos(0, 2, False)
    assert feed.wait(0)
    drain(connection)
    assert [message.payload for message in got] == ["a", "b"]


def test_what_a_consumer_holds_is_given_back_when_its_channel_closes(
    world: World, connection: kombu.Connection
) -> None:
    publish(connection, *"ab")
    channel, got = connection.channel(), list[Any]()
    kombu.Consumer(channel, [kombu.Queue("jobs")], on_message=got.append).consume()
    drain(connection)
    got[0].ack()
    channel.close()
    assert counted(world) == (1, 0)


def test_a_purge_takes_all_there_is(world: World, connection: kombu.Connection) -> None:
    publish(connection, *"abcdefgh")
    assert connection.default_channel._purge("jobs") == 8
    assert counted(world) == (0, 0)


@pytest.mark.parametrize(("options", "idle_seconds", "ttl_seconds"), LIVES)
def test_a_queue_is_created_to_stay_as_long_as_it_was_declared(
    world: World,
    connection: kombu.Connection,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    idle_seconds: float | None,
    ttl_seconds: float | None,
) -> None:
    created: list[Life] = []

    def create(_: object, name: str, __: int, life: Life = FOR_EVER) -> None:
        created.append(life)
        create_queue(world, name)

    monkeypatch.setattr("celery_azure.transport.create_queue", create)
    monkeypatch.setattr("celery_azure.administration.create_queue", create)
    producer = kombu.Producer(connection.default_channel)
    producer.publish("x", routing_key="new", declare=[kombu.Queue("new", **options)])
    assert created == [(idle_seconds, ttl_seconds)]


def test_a_temporary_queue_stays_as_long_as_somebody_waits_there(
    world: World, connection: kombu.Connection
) -> None:
    description = QueueDescription(auto_delete_on_idle=300.0)
    world.namespace.create_queue("mine", description, now=world.now)
    channel = connection.channel()
    kombu.Consumer(channel, [kombu.Queue("mine", auto_delete=True)]).consume()
    world.pass_time(1000)
    world.namespace.get_queue("mine")
    channel.close()
    world.pass_time(301)
    with pytest.raises(EntityNotFound):
        world.namespace.get_queue("mine")


def test_a_name_becomes_a_legal_path() -> None:
    with connect(queue_name_prefix="mine ") as connection:
        assert connection.default_channel.entity("a b@c/d") == "mine_a_b_c/d"


@pytest.mark.parametrize("url", ["azureservicebus://", "azureservicebus://name:key@"])
def test_a_url_that_names_no_namespace_is_an_error_that_says_so(url: str) -> None:
    nowhere = kombu.Connection(url, transport="celery_azure.transport:Transport")
    with pytest.raises(ValueError, match="the namespace is none of my-namespace"):
        nowhere.default_channel  # noqa: B018 - it connects


def drain(connection: kombu.Connection) -> None:
    """Hand out what has come in."""
    while True:
        try:
            connection.drain_events(timeout=0)
        except TimeoutError:
            return


@pytest.mark.parametrize("name", ["should_stop", "should_terminate"])
def test_a_worker_that_is_to_stop_waits_no_longer(
    connection: kombu.Connection, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(state, name, 0)
    publish(connection, "first")
    got = list[Any]()
    kombu.Consumer(connection, [kombu.Queue("jobs")], on_message=got.append).consume()
    connection.drain_events(timeout=3600)
    with pytest.raises(TimeoutError):
        connection.drain_events(timeout=3600)
    assert len(got) == 1


def straight(world: World, connection: kombu.Connection, sent: bytes, wait: float) -> Any:
    """What a consumer is told of a message that is sent when it has waited for so long."""
    received: list[Any] = []
    queue = kombu.Queue("jobs", no_declare=True)
    consumer = kombu.Consumer(
        connection, [queue], callbacks=[lambda _, message: received.append(message)]
    )
    with consumer:
        world.pass_time(wait)
        connection.transport.namespace.publish("jobs", sent, 5)
        world.turn()
        connection.drain_events(timeout=1)
    [message] = received
    message.ack()
    assert FIRST_COPY not in message.headers
    return message.delivery_info["came_straight"]


@pytest.mark.parametrize(
    ("is_first", "wait", "came_straight"), [(True, 1, True), (False, 1, False), (True, 0, False)]
)
def test_only_the_first_message_of_a_task_to_a_consumer_that_waits_has_come_straight(
    world: World,
    connection: kombu.Connection,
    is_first: bool,
    wait: float,
    came_straight: bool,
) -> None:
    properties = {"task": "work", "id": "1"} | ({FIRST_COPY: True} if is_first else {})
    sent = Message(b"[[], {}, {}]", properties=properties).to_bytes()
    assert straight(world, connection, sent, wait) is came_straight
