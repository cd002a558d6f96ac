"""What kombu asks of any transport: exchanges, acknowledgements, simple queues, time to live."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import kombu
import pytest
from celery import Celery
from celery.bin.amqp import AMQPContext, amqp
from celery.bin.base import CLIContext
from click.testing import CliRunner
from kombu.exceptions import OperationalError

from celery_azure.errors import UnreachableError
from harness.waiting import wait_until
from tests.integration.ports import closed_port
from tests.integration.transport.draining import Connect, is_silent, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kombu.simple import SimpleQueue

    from harness.pytest_plugin import ServiceBus
    from harness.stack import Stack


@pytest.fixture
def queue(stack: Stack, servicebus: ServiceBus) -> Iterator[str]:
    """A queue that is there; an official emulator has room for fifty."""
    name = servicebus.create_queue(max_delivery_count=3)
    yield name
    stack.entities.delete_queue(name)


class Inbox:
    """A consumer that keeps what it gets, unsettled."""

    def __init__(self, connection: kombu.Connection, *queues: kombu.Queue, **options: Any) -> None:
        self.connection = connection
        self.messages: list[kombu.Message] = []
        consumer = kombu.Consumer(connection.channel(), list(queues), **options)
        consumer.register_callback(lambda _, message: self.messages.append(message))
        consumer.consume()

    def next(self) -> kombu.Message:
        until(self.connection, lambda: self.messages)
        return self.messages.pop(0)

    def bodies(self, count: int) -> list[Any]:
        until(self.connection, lambda: len(self.messages) >= count)
        found = [(message.payload, message.ack())[0] for message in self.messages]
        self.messages.clear()
        return found


def send(connection: kombu.Connection, body: Any, to: kombu.Queue, **options: Any) -> None:
    producer = kombu.Producer(connection.default_channel)
    exchange = to.exchange or ""
    key = options.pop("key", to.routing_key or to.name)
    producer.publish(body, exchange=exchange, routing_key=key, declare=[to], **options)


def test_the_connection_is_told_without_its_password(
    connect: Connect, servicebus: ServiceBus
) -> None:
    connection = connect()
    connection.connect()
    assert connection.connected
    assert servicebus.endpoints.key not in connection.as_uri()
    assert servicebus.endpoints.key not in repr(connection)


def test_whoever_cannot_be_reached_is_an_operational_error(name: str) -> None:
    with closed_port() as port:
        away = kombu.Connection(
            f"azureservicebus://me:secret@127.0.0.1:{port}",
            transport="celery_azure.transport:Transport",
            transport_options={"send_timeout": 0.5},
        )
        with away, pytest.raises(UnreachableError, match="could not be reached"):
            send(away, "hello", kombu.Queue(name))
        assert issubclass(UnreachableError, away.recoverable_connection_errors)
        policy = {"max_retries": 1, "interval_start": 0}
        with away, pytest.raises(OperationalError):
            send(away, "hello", kombu.Queue(name), retry=True, retry_policy=policy)


@pytest.mark.timeout(60)  # kombu would try again for ever
def test_a_command_to_whoever_cannot_be_reached_ends_with_the_reason(name: str) -> None:
    app = Celery(name, set_as_current=False)
    app.conf.broker_transport = "celery_azure.transport:Transport"
    app.conf.broker_transport_options = {"fanout": True, "send_timeout": 0.2}
    with closed_port() as port, app:
        app.conf.broker_url = f"azureservicebus://name:key@127.0.0.1:{port}"
        with pytest.raises(OperationalError, match="could not be reached in time"):
            app.control.ping(timeout=0.1)


def test_a_direct_exchange_knows_its_queues_by_their_keys(
    connect: Connect, queue: str, name: str
) -> None:
    connection = connect()
    exchange = kombu.Exchange(name, "direct")
    first, other = (kombu.Queue(queue, exchange, key) for key in ("first", "second"))
    inbox = Inbox(connection, first, other)
    send(connection, {"n": 1}, first)
    send(connection, {"n": 2}, other)
    send(connection, {"n": 3}, first, key="nobody")
    assert inbox.bodies(2) == [{"n": 1}, {"n": 2}]
    assert is_silent(connection)


def test_a_topic_exchange_knows_its_queues_by_patterns(
    connect: Connect, queue: str, name: str
) -> None:
    connection = connect()
    bound = kombu.Queue(queue, kombu.Exchange(name, "topic"), "t.*.x")
    inbox = Inbox(connection, bound)
    for key in ("t.1.x", "t.1.2.x", "t.2.x", "y"):
        send(connection, key, bound, key=key)
    assert inbox.bodies(2) == ["t.1.x", "t.2.x"]
    assert is_silent(connection)


def test_what_is_acknowledged_is_gone_and_what_is_requeued_comes_again(
    connect: Connect, queue: str
) -> None:
    connection, to = connect(), kombu.Queue(queue)
    inbox = Inbox(connection, to)
    send(connection, "once", to)
    first = inbox.next()
    assert not first.delivery_info.get("redelivered")
    first.requeue()
    again = inbox.next()
    assert again.payload == "once"
    assert again.delivery_info["redelivered"]
    again.ack()
    connection.close()
    assert connect().default_channel.basic_get(queue) is None


def test_what_is_rejected_is_gone_from_the_queue(connect: Connect, queue: str) -> None:
    connection, to = connect(), kombu.Queue(queue)
    inbox = Inbox(connection, to)
    send(connection, "bad", to)
    inbox.next().reject()
    connection.close()
    assert connect().default_channel.basic_get(queue) is None


def test_what_nobody_has_acknowledged_is_given_back_at_the_end(
    connect: Connect, queue: str
) -> None:
    connection, to = connect(), kombu.Queue(queue)
    inbox = Inbox(connection, to)
    send(connection, "mine", to)
    inbox.next()
    connection.close()
    assert Inbox(connect(), to).next().payload == "mine"


def test_a_simple_queue_is_put_into_and_taken_from(connect: Connect, queue: str) -> None:
    connection = connect()
    box: SimpleQueue = connection.SimpleQueue(queue)
    with pytest.raises(box.Empty):
        box.get(block=False)
    with pytest.raises(box.Empty):
        box.get(timeout=0.05)
    for number in range(3):
        box.put({"n": number})
    assert wait_until(lambda: box.qsize() == 3, "the queue's size")
    taken = [box.get(timeout=60) for _ in range(3)]
    assert [message.payload["n"] for message in taken] == [0, 1, 2]
    for message in taken:
        message.ack()
    wait_until(lambda: box.qsize() == 0, "an empty queue")
    box.close()
    box = connection.SimpleQueue(queue)
    box.put("one more")
    assert box.clear() == 1
    box.close()


def test_a_message_that_is_too_old_is_not_delivered(connect: Connect, queue: str) -> None:
    connection, to = connect(), kombu.Queue(queue)
    send(connection, "old", to, expiration=0.001)
    send(connection, "young", to, expiration=60)
    assert Inbox(connection, to).bodies(1) == ["young"]


def test_a_queue_is_measured_and_purged(connect: Connect, queue: str) -> None:
    channel = connect().default_channel
    for number in range(5):
        send(channel.connection.client, number, kombu.Queue(queue))
    assert channel.queue_declare(queue, passive=True).message_count == 5
    assert channel.queue_purge(queue) == 5
    assert channel.queue_purge(queue) == 0


def test_what_is_taken_without_acknowledgement_is_gone(connect: Connect, queue: str) -> None:
    connection = connect()
    send(connection, "quick", kombu.Queue(queue))
    assert connection.default_channel.basic_get(queue, no_ack=True).payload == "quick"
    connection.close()
    assert connect().default_channel.basic_get(queue) is None


def test_a_missing_queue_is_created_by_whoever_uses_it_and_deleted_on_demand(
    connect: Connect, name: str
) -> None:
    connection, to = connect(), kombu.Queue(name)
    send(connection, "first", to)
    assert Inbox(connection, to).next().payload == "first"
    to(connection.default_channel).delete()


def test_a_queue_that_is_declared_to_go_is_created_so(connect: Connect, name: str) -> None:
    connection = connect()
    to = kombu.Queue(name, auto_delete=True, expires=600, message_ttl=60)
    kombu.Producer(connection.default_channel).publish("first", routing_key=name, declare=[to])
    with connection.transport.endpoint.administration_client() as administration:
        made = administration.get_queue(name)
    assert made.auto_delete_on_idle == timedelta(minutes=10)
    assert made.default_message_time_to_live == timedelta(minutes=1)
    to(connection.default_channel).delete()


def test_the_shell_of_celery_does_what_it_offers(servicebus: ServiceBus, name: str) -> None:
    place = servicebus.endpoints
    app = Celery("shell", set_as_current=False)
    app.conf.update(
        broker_url=place.broker_url,
        broker_transport="celery_azure.transport:Transport",
        broker_transport_options={"admin_port": place.admin_port},
    )
    context = AMQPContext(CLIContext(app=app, no_color=False, workdir=None))

    def run(*words: str) -> str:
        done = CliRunner().invoke(amqp, list(words), obj=context)
        assert done.exit_code == 0, done.output
        assert "error" not in done.output.lower(), done.output
        return done.output

    run("exchange.declare", f"{name}.x", "direct")
    run("queue.declare", name)
    run("queue.bind", name, f"{name}.x", "key")
    for text in ("hello", "and again", "and again"):
        run("basic.publish", text, f"{name}.x", "key")
    got = run("basic.get", name)
    assert "hello" in got
    tag = got.partition("'delivery_tag': '")[2].partition("'")[0]
    run("basic.ack", tag)
    # An acknowledgement does not wait for the broker's word.
    wait_until(lambda: "messages:2" in run("queue.declare", name, "true"), "two messages")
    assert "2 messages deleted" in run("queue.purge", name)
    assert "0 messages deleted" in run("queue.delete", name)
    context.connection.close()
