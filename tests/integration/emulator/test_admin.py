"""Management with the SDK's administration client, over https on the same port."""

import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.aio.management import (
    ServiceBusAdministrationClient as AsyncAdministrationClient,
)
from azure.servicebus.exceptions import MessagingEntityNotFoundError, ServiceBusError
from azure.servicebus.management import ServiceBusAdministrationClient

from servicebus_emulator import ThreadedEmulator
from tests.integration.emulator.line import Line


def new_name() -> str:
    return f"made-{uuid.uuid4().hex}"


def test_a_queue_is_made_with_the_properties_that_were_asked_for(
    admin: ServiceBusAdministrationClient,
) -> None:
    name = new_name()
    made = admin.create_queue(
        name,
        lock_duration=timedelta(seconds=45),
        max_delivery_count=3,
        default_message_time_to_live=timedelta(minutes=10),
        dead_lettering_on_message_expiration=True,
        user_metadata="ours & theirs",
    )

    assert made.name == name
    assert admin.get_queue(name).lock_duration == timedelta(seconds=45)
    assert made.max_delivery_count == 3
    assert made.default_message_time_to_live == timedelta(minutes=10)
    assert made.dead_lettering_on_message_expiration is True
    assert made.user_metadata == "ours & theirs"


def test_a_queue_that_was_made_can_be_used(
    admin: ServiceBusAdministrationClient, client: ServiceBusClient
) -> None:
    name = new_name()
    admin.create_queue(name)

    with client.get_queue_sender(name) as sender:
        sender.send_messages(ServiceBusMessage("first"))
    assert admin.get_queue_runtime_properties(name).active_message_count == 1


def test_a_queue_cannot_be_made_twice(admin: ServiceBusAdministrationClient, queue: str) -> None:
    with pytest.raises(ResourceExistsError):
        admin.create_queue(queue)


def test_a_property_beyond_its_limits_is_refused(admin: ServiceBusAdministrationClient) -> None:
    with pytest.raises(HttpResponseError, match="LockDuration"):
        admin.create_queue(new_name(), lock_duration=timedelta(minutes=6))


def test_a_queue_that_does_not_exist_is_not_found(admin: ServiceBusAdministrationClient) -> None:
    with pytest.raises(ResourceNotFoundError):
        admin.get_queue("nobody")
    with pytest.raises(ResourceNotFoundError):
        admin.delete_queue("nobody")


def test_all_queues_are_listed_page_by_page(
    admin: ServiceBusAdministrationClient, emulator: ThreadedEmulator
) -> None:
    prefix = uuid.uuid4().hex
    names = [f"{prefix}-{number:03}" for number in range(105)]
    for name in names:
        emulator.create_queue(name)

    listed = [queue.name for queue in admin.list_queues() if queue.name.startswith(prefix)]

    assert listed == names


def test_an_update_changes_the_queue(admin: ServiceBusAdministrationClient, queue: str) -> None:
    properties = admin.get_queue(queue)
    properties.lock_duration = timedelta(seconds=10)
    admin.update_queue(properties)

    assert admin.get_queue(queue).lock_duration == timedelta(seconds=10)


def test_an_update_of_a_queue_that_does_not_exist_is_refused(
    admin: ServiceBusAdministrationClient, queue: str
) -> None:
    properties = admin.get_queue(queue)
    admin.delete_queue(queue)

    with pytest.raises(HttpResponseError):
        admin.update_queue(properties)


def test_a_queue_that_was_disabled_takes_no_messages(
    admin: ServiceBusAdministrationClient, client: ServiceBusClient, queue: str
) -> None:
    properties = admin.get_queue(queue)
    properties.status = "SendDisabled"
    admin.update_queue(properties)

    with client.get_queue_sender(queue) as sender, pytest.raises(ServiceBusError, match="disabled"):
        sender.send_messages(ServiceBusMessage("too late"))


def test_the_counts_tell_where_the_messages_are(
    admin: ServiceBusAdministrationClient, line: Line
) -> None:
    line.send("active", "dead")
    active, dead = line.receive(2)
    line.receiver.dead_letter_message(dead)
    assert active.enqueued_time_utc is not None
    tomorrow = active.enqueued_time_utc + timedelta(days=1)
    line.sender.schedule_messages([ServiceBusMessage("later")], tomorrow)
    counts = admin.get_queue_runtime_properties(line.queue)

    assert counts.active_message_count == 1
    assert counts.dead_letter_message_count == 1
    assert counts.scheduled_message_count == 1
    assert counts.total_message_count == 3
    assert counts.size_in_bytes is not None
    assert counts.size_in_bytes > 0
    assert counts.accessed_at_utc is not None
    assert counts.created_at_utc is not None


def test_deleting_a_queue_ends_the_links_to_it(
    admin: ServiceBusAdministrationClient, client: ServiceBusClient, queue: str
) -> None:
    with client.get_queue_receiver(queue) as receiver:
        admin.delete_queue(queue)
        with pytest.raises(MessagingEntityNotFoundError):
            receiver.receive_messages(max_wait_time=5)


def test_the_namespace_introduces_itself(admin: ServiceBusAdministrationClient) -> None:
    assert admin.get_namespace_properties().name == "sbemulatorns"


def test_a_wrong_key_manages_nothing(emulator: ThreadedEmulator, certificate: Path) -> None:
    wrong = emulator.connection_string.replace("SAS_KEY_VALUE", "wrong")
    with (
        ServiceBusAdministrationClient.from_connection_string(
            wrong, connection_verify=str(certificate)
        ) as admin,
        pytest.raises(ClientAuthenticationError),
    ):
        admin.get_namespace_properties()


async def test_the_asynchronous_client_manages_as_well(
    emulator: ThreadedEmulator, certificate: Path
) -> None:
    name = new_name()
    async with AsyncAdministrationClient.from_connection_string(
        emulator.connection_string, connection_verify=str(certificate)
    ) as admin:
        await admin.create_queue(name)
        runtime = await admin.get_queue_runtime_properties(name)
        listed = [queue.name async for queue in admin.list_queues()]
        await admin.delete_queue(name)

    assert (runtime.total_message_count, name in listed) == (0, True)
