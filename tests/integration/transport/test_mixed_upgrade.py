"""Workers with kombu's own transport and with ours understand each other during a change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kombu
import pytest
from celery import Celery

from tests.integration.transport.draining import Connect, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.pytest_plugin import ServiceBus


@pytest.fixture
def stock(servicebus: ServiceBus) -> Iterator[kombu.Connection]:
    """A connection of kombu's own transport."""
    options = {"connection_string": servicebus.connection_string, "wait_time_seconds": 1}
    transport = "benchmarks.stock_transport:Transport"
    with kombu.Connection(
        "azureservicebus://emulator", transport=transport, transport_options=options
    ) as connection:
        yield connection


def send_task(connection: kombu.Connection, queue: str) -> str:
    app = Celery("upgrade", set_as_current=False)
    with kombu.Producer(connection) as producer:
        sent = app.send_task(
            "work", (1, "é"), {"k": [None]}, queue=queue, producer=producer, headers={"mine": "x"}
        )
    app.close()
    return str(sent.id)


def receive(connection: kombu.Connection, queue: str) -> kombu.Message:
    got: list[kombu.Message] = []
    consumer = kombu.Consumer(connection.default_channel, [kombu.Queue(queue)], accept=["json"])
    consumer.register_callback(lambda _, message: got.append(message))
    with consumer:
        until(connection, lambda: got)
    got[0].ack()
    return got[0]


def assert_is_the_task(message: kombu.Message, task_id: str) -> None:
    assert message.payload[:2] == [[1, "é"], {"k": [None]}]
    headers: dict[str, Any] = message.headers
    assert (headers["task"], headers["id"], headers["mine"]) == ("work", task_id, "x")
    assert message.properties["correlation_id"] == task_id


@pytest.mark.embedded_only  # kombu has a connection for each link; few are free
def test_ours_reads_what_kombus_transport_has_written(
    connect: Connect, stock: kombu.Connection, servicebus: ServiceBus
) -> None:
    queue = servicebus.create_queue()
    task_id = send_task(stock, queue)
    assert_is_the_task(receive(connect(), queue), task_id)


@pytest.mark.embedded_only
def test_kombus_transport_reads_what_ours_writes_in_its_format(
    connect: Connect, stock: kombu.Connection, servicebus: ServiceBus
) -> None:
    queue = servicebus.create_queue()
    task_id = send_task(connect(message_format="kombu"), queue)
    assert_is_the_task(receive(stock, queue), task_id)
