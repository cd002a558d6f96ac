"""AMQP over WebSockets, judged by the SDK; plain and inside TLS, on the same port as the rest."""

from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, TransportType
from azure.servicebus.aio import ServiceBusClient as AsyncServiceBusClient

from servicebus_emulator import ThreadedEmulator
from tests.integration.emulator.line import LONG

LARGE = "x" * 200_000  # more than fits into one frame of AMQP


def endpoint(emulator: ThreadedEmulator) -> str:
    """Where the SDK would not go by itself: WebSockets have port 443 or 80 for it."""
    return f"sb://127.0.0.1:{emulator.port}"


def test_the_sdk_sends_and_receives(emulator: ThreadedEmulator, queue: str) -> None:
    with (
        ServiceBusClient.from_connection_string(
            emulator.connection_string,
            transport_type=TransportType.AmqpOverWebsocket,
            custom_endpoint_address=endpoint(emulator),
        ) as client,
        client.get_queue_sender(queue) as sender,
        client.get_queue_receiver(queue) as receiver,
    ):
        sender.send_messages(ServiceBusMessage(LARGE))
        [message] = receiver.receive_messages(max_wait_time=LONG)
        receiver.complete_message(message)

        assert str(message) == LARGE


@pytest.mark.filterwarnings("ignore:ssl=None is deprecated:DeprecationWarning")  # the SDK's
async def test_the_asynchronous_sdk_does(emulator: ThreadedEmulator, queue: str) -> None:
    async with (
        AsyncServiceBusClient.from_connection_string(
            emulator.connection_string,
            transport_type=TransportType.AmqpOverWebsocket,
            custom_endpoint_address=endpoint(emulator),
        ) as client,
        client.get_queue_sender(queue) as sender,
        client.get_queue_receiver(queue) as receiver,
    ):
        await sender.send_messages(ServiceBusMessage("a"))
        [message] = await receiver.receive_messages(max_wait_time=LONG)
        await receiver.complete_message(message)

        assert str(message) == "a"


def test_inside_tls_as_in_the_cloud(
    emulator: ThreadedEmulator, queue: str, certificate: Path
) -> None:
    secure = emulator.connection_string.replace("UseDevelopmentEmulator=true;", "")
    with (
        ServiceBusClient.from_connection_string(
            secure,
            transport_type=TransportType.AmqpOverWebsocket,
            custom_endpoint_address=endpoint(emulator),
            connection_verify=str(certificate),
        ) as client,
        client.get_queue_sender(queue) as sender,
    ):
        sender.send_messages(ServiceBusMessage("a"))
