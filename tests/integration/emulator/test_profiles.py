"""The quotas of a profile, as the SDK tells them to its users."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    ServiceBusConnectionError,
    ServiceBusError,
    ServiceBusServerBusyError,
)
from azure.servicebus.management import ServiceBusAdministrationClient

from servicebus_emulator import Limits, OffsetClock, ThreadedEmulator
from tests.integration.emulator.line import LONG
from tests.integration.emulator.raw_client import RawClient

FAR_FUTURE = datetime(2100, 1, 1, tzinfo=UTC)


def connect(emulator: ThreadedEmulator) -> ServiceBusClient:
    return ServiceBusClient.from_connection_string(emulator.connection_string, retry_total=0)


def test_the_eleventh_connection_to_the_official_emulator_is_an_error_that_names_the_quota() -> (
    None
):
    with (
        ThreadedEmulator(queues=["q"], profile="official") as emulator,
        connect(emulator) as client,
        contextlib.ExitStack() as stack,
    ):
        others = [stack.enter_context(RawClient(emulator.port)) for _ in range(10)]
        with pytest.raises(ServiceBusConnectionError, match="ConnectionsQuotaExceeded"):
            client.get_queue_sender("q").send_messages(ServiceBusMessage("too many"))
        others[0].connection.close()
        others[0].flush()
        others[0].until(lambda: others[0].connection.finished)
        with client.get_queue_sender("q") as sender:
            sender.send_messages(ServiceBusMessage("there is room now"))


def test_a_namespace_that_is_throttled_is_a_server_busy_error_until_the_next_second() -> None:
    clock = OffsetClock()
    clock.freeze()
    with (
        ThreadedEmulator(queues=["q"], profile=Limits(credits_per_second=2), clock=clock) as it,
        connect(it) as client,
        client.get_queue_sender("q") as sender,
    ):
        for _ in range(2):
            sender.send_messages(ServiceBusMessage("m"))
        with pytest.raises(ServiceBusServerBusyError, match="50009"):
            sender.send_messages(ServiceBusMessage("m"))
        with (
            client.get_queue_receiver("q") as receiver,
            pytest.raises(ServiceBusServerBusyError, match="50009"),
        ):
            receiver.receive_messages(max_wait_time=10)
        it.control.advance(1)
        sender.send_messages(ServiceBusMessage("m"))


def test_the_premium_tier_takes_messages_and_batches_of_a_megabyte() -> None:
    with (
        ThreadedEmulator(queues=["q"], profile="premium") as emulator,
        connect(emulator) as client,
        client.get_queue_sender("q") as sender,
        client.get_queue_receiver("q", prefetch_count=3) as receiver,
    ):
        sender.send_messages(ServiceBusMessage("m" * 1_000_000))
        batch = sender.create_message_batch()
        for _ in range(2):
            batch.add_message(ServiceBusMessage("b" * 500_000))
        sender.send_messages(batch)
        with pytest.raises(MessageSizeExceededError):
            sender.send_messages(ServiceBusMessage("m" * 1_100_000))
        sizes: list[int] = []
        while len(sizes) < 3:
            sizes += [len(str(each)) for each in receiver.receive_messages(3, max_wait_time=LONG)]

    assert batch.max_size_in_bytes == 1024 * 1024
    assert sizes == [1_000_000, 500_000, 500_000]


def large(**properties: int) -> ServiceBusMessage:
    """A message with properties of so many bytes."""
    sent: Any = {name: "x" * size for name, size in properties.items()}
    return ServiceBusMessage("m", message_id="m" * 128, application_properties=sent)


def test_what_the_service_calls_too_long_or_too_large_is_an_error_that_says_so() -> None:
    too_long = large()
    assert too_long.raw_amqp_message.properties is not None
    too_long.raw_amqp_message.properties.message_id = "m" * 129  # the SDK itself refuses it earlier
    with (
        ThreadedEmulator(queues=["q"], profile="official") as emulator,
        connect(emulator) as client,
        client.get_queue_sender("q") as sender,
    ):
        sender.send_messages(large(p=32_768))
        with pytest.raises(ServiceBusError, match="MessageId of a message has at most 128"):
            sender.send_messages(too_long)
        with pytest.raises(ServiceBusError, match="'p' of the message, 32769 bytes"):
            sender.send_messages([large(), large(p=32_769)])
        with pytest.raises(ServiceBusError, match="all properties of the message"):
            sender.schedule_messages(large(p=32_768, q=32_768), FAR_FUTURE)
        [queue] = emulator.control.entities()

    assert (queue["active"], queue["scheduled"]) == (1, 0)


def test_one_queue_too_many_is_an_http_error_that_says_so(tmp_path: Path) -> None:
    certificate = tmp_path / "emulator.pem"
    with ThreadedEmulator(profile=Limits(max_entities=1), queues=["q"]) as emulator:
        emulator.write_certificate(certificate)
        with (
            ServiceBusAdministrationClient.from_connection_string(
                emulator.connection_string, connection_verify=str(certificate)
            ) as admin,
            pytest.raises(HttpResponseError, match="at most 1 entities") as refused,
        ):
            admin.create_queue("r")

    assert refused.value.status_code == 403
