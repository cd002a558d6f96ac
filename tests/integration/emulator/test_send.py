"""Sending with the synchronous SDK: what arrives is what was sent."""

import contextlib
import uuid
from datetime import timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType
from azure.servicebus.exceptions import (
    MessageSizeExceededError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
)

from servicebus_emulator import AccessKey, Right, ThreadedEmulator
from tests.integration.emulator.line import Line


def test_a_message_arrives_with_everything_that_was_written_on_it(line: Line) -> None:
    line.sender.send_messages(
        ServiceBusMessage(
            b"\x00body\xff",
            application_properties={
                "text": "ü",
                "number": 2**31 - 1,
                "fraction": 0.5,
                "yes": True,
                "bytes": b"\x00",
                "uuid": uuid.UUID(int=7),
            },
            content_type="application/octet-stream",
            correlation_id="correlation",
            message_id="identity",
            reply_to="elsewhere",
            subject="label",
            time_to_live=timedelta(minutes=5),
            to="there",
        )
    )
    received = line.take_one()

    assert b"".join(received.body) == b"\x00body\xff"
    assert received.application_properties == {
        b"text": "ü".encode(),
        b"number": 2**31 - 1,
        b"fraction": 0.5,
        b"yes": True,
        b"bytes": b"\x00",
        b"uuid": uuid.UUID(int=7),
    }
    assert received.content_type == "application/octet-stream"
    assert received.correlation_id == "correlation"
    assert received.message_id == "identity"
    assert received.reply_to == "elsewhere"
    assert received.subject == "label"
    assert received.time_to_live == timedelta(minutes=5)
    assert received.to == "there"


def test_the_broker_adds_its_own_view_of_a_message(line: Line) -> None:
    line.send("one", "two")
    first, second = line.receive(2)

    assert second.sequence_number == (first.sequence_number or 0) + 1
    assert first.enqueued_time_utc is not None
    assert first.locked_until_utc is not None
    lock_duration = first.locked_until_utc - first.enqueued_time_utc
    assert timedelta(seconds=60) <= lock_duration < timedelta(seconds=90)
    assert first.delivery_count == 0
    assert isinstance(first.lock_token, uuid.UUID)
    assert first.lock_token != second.lock_token


@pytest.mark.parametrize(
    ("body_type", "body"),
    [("value", {"a": [1, 2.5, "x", None]}), ("sequence", [[1, 2], ["a"]]), ("data", [b"a", b"b"])],
)
def test_every_kind_of_amqp_body_arrives(line: Line, body_type: str, body: object) -> None:
    written: dict[str, Any] = {f"{body_type}_body": body}
    line.sender.send_messages(AmqpAnnotatedMessage(annotations={"x-own": "kept"}, **written))
    received = line.take_one().raw_amqp_message

    assert received.body_type == AmqpMessageBodyType(body_type)
    assert received.annotations is not None
    assert received.annotations[b"x-own"] == b"kept"


def test_a_message_without_an_identity_is_given_one(line: Line) -> None:
    line.sender.send_messages(AmqpAnnotatedMessage(data_body=b"anonymous"))

    assert line.take_one().message_id


def test_a_list_of_messages_arrives_in_its_order(line: Line) -> None:
    numbers = [str(number) for number in range(50)]
    line.send(*numbers)

    assert [str(message) for message in line.take(50)] == numbers


def test_a_batch_holds_as_much_as_the_largest_message(line: Line) -> None:
    batch = line.sender.create_message_batch()
    with contextlib.suppress(MessageSizeExceededError):
        while True:
            batch.add_message(ServiceBusMessage(b"x" * 10_000))
    line.sender.send_messages(batch)
    received = line.take(len(batch))

    assert (batch.max_size_in_bytes, len(received)) == (262_144, 26)


def test_a_message_of_nearly_the_largest_size_is_accepted(line: Line) -> None:
    line.sender.send_messages(ServiceBusMessage(b"x" * 261_900))

    assert sum(len(part) for part in line.take_one().body) == 261_900


def test_a_message_over_the_largest_size_is_refused_and_the_sender_lives_on(line: Line) -> None:
    with pytest.raises(MessageSizeExceededError):
        line.sender.send_messages(ServiceBusMessage(b"x" * 262_145))
    line.send("small")

    assert str(line.take_one()) == "small"


def test_a_queue_that_does_not_exist_cannot_be_sent_to(client: ServiceBusClient) -> None:
    with pytest.raises(ServiceBusAuthenticationError):
        client.get_queue_sender("nobody").__enter__()


def test_names_of_queues_ignore_case(client: ServiceBusClient, line: Line) -> None:
    with client.get_queue_sender(line.queue.upper()) as sender:
        sender.send_messages(ServiceBusMessage("loud"))

    assert str(line.take_one()) == "loud"


def test_a_wrong_key_opens_nothing(emulator: ThreadedEmulator, queue: str) -> None:
    wrong = emulator.connection_string.replace("SAS_KEY_VALUE", "wrong")
    with (
        ServiceBusClient.from_connection_string(wrong, retry_total=0) as client,
        pytest.raises(ServiceBusAuthenticationError),
    ):
        client.get_queue_sender(queue).__enter__()


def test_a_key_that_may_only_send_cannot_receive() -> None:
    keys = [AccessKey("sender", "key", Right.SEND)]
    with (
        ThreadedEmulator(keys=keys, queues=["orders"]) as emulator,
        ServiceBusClient.from_connection_string(
            emulator.connection_string, retry_total=0
        ) as client,
    ):
        with client.get_queue_sender("orders") as sender:
            sender.send_messages(ServiceBusMessage("allowed"))
        with pytest.raises(ServiceBusAuthorizationError):
            client.get_queue_receiver("orders").__enter__()
