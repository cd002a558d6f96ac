"""The asynchronous SDK: the same conversations, written by other code."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from azure.servicebus import ServiceBusMessage, ServiceBusReceiveMode, ServiceBusSubQueue
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageNotFoundError,
    MessageSizeExceededError,
    ServiceBusAuthenticationError,
)

from servicebus_emulator import OffsetClock, ThreadedEmulator
from tests.integration.emulator.line import LONG, SHORT

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusReceivedMessage


@pytest.fixture
async def client(emulator: ThreadedEmulator) -> AsyncIterator[ServiceBusClient]:
    async with ServiceBusClient.from_connection_string(
        emulator.connection_string, retry_total=0
    ) as client:
        yield client


@pytest.fixture
async def sender(client: ServiceBusClient, queue: str) -> AsyncIterator[ServiceBusSender]:
    async with client.get_queue_sender(queue) as sender:
        yield sender


@pytest.fixture
async def receiver(client: ServiceBusClient, queue: str) -> AsyncIterator[ServiceBusReceiver]:
    async with client.get_queue_receiver(queue) as receiver:
        yield receiver


async def receive(receiver: ServiceBusReceiver, count: int) -> "list[ServiceBusReceivedMessage]":
    messages: list[ServiceBusReceivedMessage] = []
    while len(messages) < count:
        more = await receiver.receive_messages(count - len(messages), max_wait_time=LONG)
        assert more, f"only {len(messages)} of {count} messages came"
        messages += more
    return messages


async def is_silent(receiver: ServiceBusReceiver) -> bool:
    return not await receiver.receive_messages(1, max_wait_time=SHORT)


async def test_messages_are_sent_received_and_completed(
    sender: ServiceBusSender, receiver: ServiceBusReceiver
) -> None:
    await sender.send_messages([ServiceBusMessage(str(number)) for number in range(30)])
    batch = await sender.create_message_batch()
    batch.add_message(ServiceBusMessage("30"))
    await sender.send_messages(batch)
    messages = await receive(receiver, 31)
    for message in messages:
        await receiver.complete_message(message)

    assert [str(message) for message in messages] == [str(number) for number in range(31)]
    assert await is_silent(receiver)


async def test_every_settlement_is_confirmed(
    sender: ServiceBusSender, receiver: ServiceBusReceiver, client: ServiceBusClient, queue: str
) -> None:
    await sender.send_messages([ServiceBusMessage(body) for body in ("again", "aside", "bad")])
    again, aside, bad = await receive(receiver, 3)
    await receiver.abandon_message(again)
    await receiver.defer_message(aside)
    await receiver.dead_letter_message(bad, reason="broken")
    [retried] = await receive(receiver, 1)
    await receiver.complete_message(retried)
    [deferred] = await receiver.receive_deferred_messages(aside.sequence_number or 0)
    await receiver.complete_message(deferred)
    async with client.get_queue_receiver(
        queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER
    ) as graveyard:
        [dead] = await receive(graveyard, 1)
        await graveyard.complete_message(dead)

    assert (str(retried), retried.delivery_count) == ("again", 1)
    assert str(deferred) == "aside"
    assert (str(dead), dead.dead_letter_reason) == ("bad", "broken")


async def test_a_lock_is_renewed_and_lost(
    sender: ServiceBusSender, receiver: ServiceBusReceiver, clock: OffsetClock
) -> None:
    await sender.send_messages(ServiceBusMessage("slow"))
    [message] = await receive(receiver, 1)
    clock.advance(40)
    await receiver.renew_message_lock(message)
    clock.advance(61)

    with pytest.raises(MessageLockLostError):
        await receiver.renew_message_lock(message)


async def test_messages_are_scheduled_peeked_and_cancelled(
    sender: ServiceBusSender, receiver: ServiceBusReceiver, clock: OffsetClock
) -> None:
    await sender.send_messages(ServiceBusMessage("now"))
    [now] = await receive(receiver, 1)
    await receiver.complete_message(now)
    assert now.enqueued_time_utc is not None
    in_an_hour = now.enqueued_time_utc + timedelta(hours=1)
    numbers = await sender.schedule_messages(
        [ServiceBusMessage("never"), ServiceBusMessage("later")], in_an_hour
    )
    await sender.cancel_scheduled_messages(numbers[0])
    with pytest.raises(MessageNotFoundError):
        await sender.cancel_scheduled_messages(numbers[0])
    peeked = await receiver.peek_messages(10, sequence_number=1)
    clock.advance(3600)
    [later] = await receive(receiver, 1)

    assert [str(message) for message in peeked] == ["later"]
    assert str(later) == "later"


async def test_receive_and_delete_takes_the_message_for_good(
    sender: ServiceBusSender, client: ServiceBusClient, queue: str
) -> None:
    await sender.send_messages(ServiceBusMessage("taken"))
    async with client.get_queue_receiver(
        queue, receive_mode=ServiceBusReceiveMode.RECEIVE_AND_DELETE, prefetch_count=10
    ) as receiver:
        [message] = await receive(receiver, 1)
        gone = await is_silent(receiver)

    assert (str(message), gone) == ("taken", True)


async def test_a_message_over_the_largest_size_is_refused(sender: ServiceBusSender) -> None:
    with pytest.raises(MessageSizeExceededError):
        await sender.send_messages(ServiceBusMessage(b"x" * 262_145))


async def test_a_queue_that_does_not_exist_is_not_found(client: ServiceBusClient) -> None:
    with pytest.raises(ServiceBusAuthenticationError):
        await client.get_queue_sender("nobody").__aenter__()


async def test_a_wrong_key_opens_nothing(emulator: ThreadedEmulator, queue: str) -> None:
    wrong = emulator.connection_string.replace("SAS_KEY_VALUE", "wrong")
    async with ServiceBusClient.from_connection_string(wrong, retry_total=0) as client:
        with pytest.raises(ServiceBusAuthenticationError):
            await client.get_queue_sender(queue).__aenter__()
