"""The emulator in an event loop of uvloop, as tests run it that use that loop for everything."""

import asyncio
import contextlib
import http.client
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, TransportType

from servicebus_emulator import ServiceBusEmulator
from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.message import BareMessage, encode_bare
from tests.integration.emulator.line import LONG
from tests.integration.emulator.raw_client import PATIENCE, RawClient

uvloop = pytest.importorskip("uvloop")

QUEUE = "orders"


def with_emulator(scenario: Callable[[ServiceBusEmulator], Any]) -> Any:
    """Run an emulator in a loop of uvloop, and a scenario of blocking clients beside it."""

    async def serve() -> Any:
        async with ServiceBusEmulator(queues=[QUEUE]) as emulator:
            return await asyncio.to_thread(scenario, emulator)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve())


def exchange(port: int, context: ssl.SSLContext | None = None) -> None:
    """Send a message and receive it."""
    with RawClient(port, context=context) as client:
        client.send(QUEUE, encode_bare(BareMessage(data=[b"tea"])))
        client.receiver(QUEUE, credit=1, settled=True)
        client.wait_for(events.DeliveryReceived)


def deliveries(client: RawClient) -> int:
    return sum(isinstance(event, events.DeliveryReceived) for event in client.events)


def test_amqp_is_served() -> None:
    with_emulator(lambda emulator: exchange(emulator.port))


def test_amqp_and_http_are_served_inside_tls(tmp_path: Path) -> None:
    def scenario(emulator: ServiceBusEmulator) -> int:
        certificate = tmp_path / "certificate.pem"
        emulator.write_certificate(certificate)
        context = ssl.create_default_context(cafile=str(certificate))
        exchange(emulator.port, context)
        connection = http.client.HTTPSConnection(
            "127.0.0.1", emulator.port, timeout=PATIENCE, context=context
        )
        with contextlib.closing(connection):
            connection.request("GET", "/health")
            return connection.getresponse().status

    assert with_emulator(scenario) == 200


def test_amqp_is_served_inside_a_websocket() -> None:
    def scenario(emulator: ServiceBusEmulator) -> str:
        with (
            ServiceBusClient.from_connection_string(
                emulator.connection_string,
                transport_type=TransportType.AmqpOverWebsocket,
                custom_endpoint_address=f"sb://127.0.0.1:{emulator.port}",
            ) as client,
            client.get_queue_sender(QUEUE) as sender,
            client.get_queue_receiver(QUEUE) as receiver,
        ):
            sender.send_messages(ServiceBusMessage("x" * 200_000))
            [message] = receiver.receive_messages(max_wait_time=LONG)
            receiver.complete_message(message)
            return str(message)

    assert with_emulator(scenario) == "x" * 200_000


def test_a_client_that_does_not_read_is_sent_no_more_until_it_reads() -> None:
    payload = encode_bare(BareMessage(data=[b"x" * 100_000]))
    count = 200

    def scenario(emulator: ServiceBusEmulator) -> int:
        with RawClient(emulator.port) as source:
            source.send(QUEUE, payload, count=count)
            with RawClient(emulator.port) as rude:
                rude.receiver(QUEUE, credit=count, settled=True)
                source.session.end()
                source.wait_for(events.SessionEnded)  # it has had its turn, and others had theirs
                left = len(emulator.namespace.get_queue(QUEUE))
                rude.until(lambda: deliveries(rude) == count)
                return left

    assert with_emulator(scenario) > 0


def test_stopping_says_goodbye_and_leaves_no_connection() -> None:
    def scenario(emulator: ServiceBusEmulator) -> tuple[RawClient, socket.socket]:
        silent = socket.create_connection(("127.0.0.1", emulator.port), timeout=PATIENCE)
        return RawClient(emulator.port), silent

    client, silent = with_emulator(scenario)
    with client, contextlib.suppress(ConnectionError):
        client.wait_for(events.ConnectionClosed)
    with silent:
        assert silent.recv(1) == b""

    [closed] = client.taken(events.ConnectionClosed)
    assert closed.error is not None
    assert closed.error.condition == "amqp:connection:forced"
