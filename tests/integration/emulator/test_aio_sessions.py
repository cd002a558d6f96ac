"""Sessions and topics with the asynchronous SDK."""

import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from azure.servicebus import NEXT_AVAILABLE_SESSION, ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from servicebus_emulator import OffsetClock, ThreadedEmulator

if TYPE_CHECKING:
    from tests.integration.emulator.conftest import QueueMaker

LONG = 60


@pytest.fixture
async def client(emulator: ThreadedEmulator) -> AsyncIterator[ServiceBusClient]:
    async with ServiceBusClient.from_connection_string(
        emulator.connection_string, retry_total=0
    ) as client:
        yield client


async def texts(receiver: ServiceBusReceiver, count: int) -> list[str]:
    """Receive and complete so many messages."""
    found: list[str] = []
    while len(found) < count:
        messages = await receiver.receive_messages(count - len(found), max_wait_time=LONG)
        assert messages, f"only {found} of {count} messages came"
        for message in messages:
            found.append(str(message))
            await receiver.complete_message(message)
    return found


async def test_a_session_is_one_receivers_in_order_and_with_its_state(
    client: ServiceBusClient, make_queue: "QueueMaker", clock: OffsetClock
) -> None:
    queue = make_queue(requires_session=True, lock_duration=60.0)
    async with client.get_queue_sender(queue) as sender:
        await sender.send_messages(
            [ServiceBusMessage(f"{name}{n}", session_id=name) for n in (1, 2) for name in "ab"]
        )
    async with client.get_queue_receiver(queue, session_id="a") as receiver:
        with pytest.raises(SessionCannotBeLockedError):
            await client.get_queue_receiver(queue, session_id="a").__aenter__()
        assert await texts(receiver, 2) == ["a1", "a2"]
        await receiver.session.set_state(b"done")
        await receiver.session.renew_lock()
        async with client.get_queue_receiver(queue, session_id=NEXT_AVAILABLE_SESSION) as other:
            assert other.session.session_id == "b"
            assert await texts(other, 2) == ["b1", "b2"]
        clock.advance(61)
        with pytest.raises(SessionLockLostError):
            await receiver.session.get_state()
    async with client.get_queue_receiver(queue, session_id="a") as receiver:
        assert await receiver.session.get_state() == b"done"


async def test_who_waits_for_any_session_waits_in_vain_for_so_long(
    client: ServiceBusClient, make_queue: "QueueMaker"
) -> None:
    queue = make_queue(requires_session=True)

    with pytest.raises(OperationTimeoutError):
        await client.get_queue_receiver(
            queue, session_id=NEXT_AVAILABLE_SESSION, max_wait_time=1
        ).__aenter__()


async def test_each_subscription_has_a_message_of_its_own(
    emulator: ThreadedEmulator, client: ServiceBusClient
) -> None:
    topic = f"topic-{uuid.uuid4().hex}"
    emulator.create_topic(topic, subscriptions=["one", "two"])
    async with client.get_topic_sender(topic) as sender:
        await sender.send_messages([ServiceBusMessage("1"), ServiceBusMessage("2")])
    for name in ("one", "two"):
        async with client.get_subscription_receiver(topic, name) as receiver:
            assert await texts(receiver, 2) == ["1", "2"]
