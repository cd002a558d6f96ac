"""What goes to everybody who listens, through topics and subscriptions."""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

import kombu
import pytest
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError
from kombu.pidbox import Mailbox

from celery_azure import administration, broadcasts
from celery_azure.connection import ServiceBusEndpoint
from celery_azure.errors import FanoutOffError
from celery_azure.subscriptions import Subscription
from servicebus_emulator import ThreadedEmulator
from tests.integration.transport.draining import Connect, is_silent, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.servicebus.management import ServiceBusAdministrationClient

    from harness.pytest_plugin import ServiceBus


@pytest.fixture
def endpoint(servicebus: ServiceBus) -> ServiceBusEndpoint:
    place = servicebus.endpoints
    return ServiceBusEndpoint.parse(
        place.namespace, key_name=place.key_name, key=place.key, admin_port=place.admin_port
    )


@pytest.fixture
def admin(endpoint: ServiceBusEndpoint, name: str) -> Iterator[ServiceBusAdministrationClient]:
    """The management client; the topics of the test are deleted after it."""
    with endpoint.administration_client() as client:
        yield client
        for topic in client.list_topics():
            if name in topic.name:
                client.delete_topic(topic.name)


def subscriptions(admin: ServiceBusAdministrationClient, topic: str) -> list[str]:
    try:
        return [one.name for one in admin.list_subscriptions(topic)]
    except ResourceNotFoundError:
        return []


def listener(
    connection: kombu.Connection, exchange: kombu.Exchange, queue: str, *keys: str, **options: Any
) -> list[Any]:
    """Consume from a temporary queue; what comes is put into the list."""
    got: list[Any] = []
    settings: dict[str, Any] = {"auto_delete": True, "durable": False, **options}
    for key in keys or ("",):
        bound = kombu.Queue(queue, exchange, key, **settings)(connection.default_channel)
        bound.declare()
    consumer = kombu.Consumer(connection.default_channel, [bound], no_ack=True)
    consumer.register_callback(lambda body, message: got.append((message.headers.get("n"), body)))
    consumer.consume()
    return got


def has_all(got: list[Any]) -> bool:
    return len(got) == 3


def publish(connection: kombu.Connection, exchange: kombu.Exchange, key: str, body: Any) -> None:
    producer = kombu.Producer(connection.default_channel, serializer="json")
    producer.publish(body, exchange=exchange, routing_key=key, declare=[exchange])


@pytest.mark.usefixtures("admin")
@pytest.mark.parametrize("message_format", ["native", "kombu"])
def test_all_who_listen_to_a_fanout_exchange_hear_each_message(
    connect: Connect, name: str, message_format: str
) -> None:
    exchange = kombu.Exchange(name, "fanout")
    first, second = connect(fanout=True), connect(fanout=True)
    sender = connect(fanout=True, message_format=message_format)
    heard = [listener(one, exchange, f"{name}.{n}") for n, one in enumerate((first, second))]

    for number in range(3):
        publish(sender, exchange, "any", {"n": number})

    for one, got in zip((first, second), heard, strict=True):
        until(one, partial(has_all, got))
        assert [body["n"] for _, body in got] == [0, 1, 2]


@pytest.mark.usefixtures("admin")
def test_a_temporary_queue_of_a_topic_exchange_hears_exactly_what_its_patterns_say(
    connect: Connect, name: str
) -> None:
    exchange = kombu.Exchange(name, "topic")
    here, sender = connect(fanout=True), connect(fanout=True)
    words = listener(here, exchange, f"{name}.words", "a.*.c", "it's_%.#")
    all_of_it = listener(here, exchange, f"{name}.all", "#")

    keys = ["a.b.c", "a.b.b.c", "it's_%.x.y", "it'sXX.x", "z"]
    for key in keys:
        publish(sender, exchange, key, key)

    until(here, lambda: len(all_of_it) == len(keys) and len(words) == 2)
    assert is_silent(here)
    assert [body for _, body in words] == ["a.b.c", "it's_%.x.y"]
    assert [body for _, body in all_of_it] == keys


@pytest.mark.usefixtures("admin")
def test_what_waits_in_a_subscription_is_counted(connect: Connect, name: str) -> None:
    buffer = connect(fanout=True).SimpleBuffer(name)  # a temporary queue of an exchange
    buffer.put("first")
    assert buffer.get(timeout=30).payload == "first"
    assert len(buffer) == 0
    buffer.close()
    assert len(buffer) == 0  # it is gone, and a topic has its name


@pytest.mark.usefixtures("admin")
def test_replies_reach_the_one_who_asked(connect: Connect, name: str) -> None:
    exchange = kombu.Exchange(name, "direct", durable=False)
    one, other, sender = connect(fanout=True), connect(fanout=True), connect(fanout=True)
    ones = listener(one, exchange, f"{name}.1", "1")
    others = listener(other, exchange, f"{name}.2", "2")

    publish(sender, exchange, "1", "for one")
    publish(sender, exchange, "2", "for the other")
    publish(sender, exchange, "3", "for nobody")

    until(one, lambda: ones)
    until(other, lambda: others)
    assert [body for _, body in ones] == ["for one"]
    assert [body for _, body in others] == ["for the other"]


def test_subscriptions_go_with_their_consumers_and_at_last_by_themselves(
    connect: Connect, name: str, admin: ServiceBusAdministrationClient
) -> None:
    exchange = kombu.Exchange(name, "fanout")
    connection = connect(fanout=True)
    listener(connection, exchange, f"{name}@a.b", expires=10.0, message_ttl=5.0)
    (there,) = subscriptions(admin, name)
    described = admin.get_subscription(name, there)
    assert str(described.auto_delete_on_idle) in {"PT5M", "0:05:00"}
    assert str(described.default_message_time_to_live) in {"PT5S", "0:00:05"}

    connection.close()

    assert subscriptions(admin, name) == []


@pytest.mark.embedded_only
def test_what_was_left_by_one_who_died_goes_after_five_minutes() -> None:
    with ThreadedEmulator() as emulator:
        key_name, key = "RootManageSharedAccessKey", "SAS_KEY_VALUE"
        place = f"127.0.0.1:{emulator.port}"
        endpoint = ServiceBusEndpoint.parse(place, key_name=key_name, key=key)
        administration.create_subscription(endpoint, Subscription("t", "left"), lock_seconds=60)

        def paths() -> list[str]:
            return [entity["path"] for entity in emulator.control.entities()]

        emulator.control.advance(299)
        assert "t/Subscriptions/left" in paths()
        emulator.control.advance(2)
        assert paths() == ["t"]


@pytest.mark.usefixtures("admin")
def test_what_was_said_to_one_who_died_is_not_heard_by_its_successor(
    connect: Connect, endpoint: ServiceBusEndpoint, name: str
) -> None:
    exchange = kombu.Exchange(name, "fanout")
    left = Subscription(name, f"{name}.queue")
    administration.create_subscription(endpoint, left, lock_seconds=60)
    sender, successor = connect(fanout=True), connect(fanout=True)
    publish(sender, exchange, "", "shut down")

    heard = listener(successor, exchange, f"{name}.queue")

    publish(sender, exchange, "", "hello")
    until(successor, lambda: heard)
    assert [body for _, body in heard] == ["hello"]


def test_a_subscription_that_is_gone_is_made_again(
    connect: Connect, name: str, admin: ServiceBusAdministrationClient
) -> None:
    exchange = kombu.Exchange(name, "topic")
    here, sender = connect(fanout=True), connect(fanout=True)
    heard = listener(here, exchange, f"{name}.q", "a.#")
    publish(sender, exchange, "a.1", "before")
    until(here, lambda: heard)

    admin.delete_topic(name)

    until(here, lambda: subscriptions(admin, name))

    def hears() -> bool:
        publish(sender, exchange, "a.2", "after")
        return len(heard) > 1

    until(here, hears)
    assert heard[-1][1] == "after"


@pytest.mark.usefixtures("admin")
def test_a_broadcast_that_is_acknowledged_reaches_each_worker_and_is_done(
    connect: Connect, name: str
) -> None:
    queue = kombu.common.Broadcast(name, queue=f"{name}.w", durable=False)
    here, sender = connect(fanout=True), connect(fanout=True)
    got: list[Any] = []
    consumer = kombu.Consumer(here.default_channel, [queue], accept=["json"])

    def work(body: str, message: Any) -> None:
        got.append(body)
        message.ack()

    consumer.register_callback(work)
    consumer.consume()

    publish(sender, kombu.Exchange(name, "fanout"), "", "work")

    until(here, lambda: got)
    assert got == ["work"]
    here.close()
    later = connect(fanout=True)
    assert later.default_channel.basic_get(f"{name}.w") is None


@pytest.mark.usefixtures("admin")
def test_a_mailbox_asks_all_and_collects_their_answers(connect: Connect, name: str) -> None:
    worker, client = connect(fanout=True), connect(fanout=True)
    mailbox = Mailbox(name, type="fanout", accept=["json"], serializer="json")
    node = mailbox(worker).Node("w@host", state=None, handlers={"ping": lambda _: "pong"})
    node.channel = worker.default_channel
    node.listen()

    is_over = threading.Event()
    serving = threading.Thread(target=until, args=(worker, is_over.is_set))
    serving.start()
    try:
        answers = [mailbox(client).multi_call("ping", timeout=60, limit=1) for _ in range(2)]
    finally:
        is_over.set()
        serving.join()

    assert answers == [[{"w@host": "pong"}]] * 2


def test_fanout_that_is_off_says_so_to_whoever_sends(connect: Connect, name: str) -> None:
    connection = connect()
    assert not connection.supports_exchange_type("fanout")
    with pytest.raises(FanoutOffError, match="'fanout'"):
        publish(connection, kombu.Exchange(name, "fanout"), "", "anybody?")


def test_a_basic_namespace_has_no_fanout_and_nobody_complains(
    connect: Connect, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    connection = connect(fanout=True)
    monkeypatch.setitem(administration.tiers._known, connection.transport.endpoint, False)

    assert not connection.supports_exchange_type("fanout")
    publish(connection, kombu.Exchange(f"{name}.ev", "topic"), "worker.heartbeat", "an event")
    with pytest.raises(FanoutOffError, match="Basic"):
        publish(connection, kombu.Exchange(name, "fanout"), "", "anybody?")
    assert not [one for one in caplog.records if one.levelno >= logging.WARNING]


def test_without_the_manage_right_one_warning_tells_why_nobody_is_reached(
    connect: Connect, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        error = ClientAuthenticationError("Manage,EntityWrite claims required")
        error.status_code = 401
        raise error

    monkeypatch.setattr(broadcasts, "_refused", set())
    monkeypatch.setattr(administration, "create_subscription", refuse)
    monkeypatch.setattr(administration, "create_topic", refuse)
    connection = connect(fanout=True)
    exchange = kombu.Exchange(name, "fanout")

    listener(connection, exchange, f"{name}.1")
    listener(connection, exchange, f"{name}.2")
    with pytest.raises(Exception, match="could not be found"):
        publish(connection, exchange, "", "anybody?")

    warnings = [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "Manage" in warnings[0]
