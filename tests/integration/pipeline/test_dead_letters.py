"""Dead letters of a real queue."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusReceiver, ServiceBusSubQueue

from queue_app import azure_dead_letters
from queue_app.azure_dead_letters import AzureDeadLetters
from queue_app.celery_producer import CeleryProducer
from queue_app.errors import BrokerUnavailable
from queue_app.producer import Payload
from queue_app.settings import Settings


@pytest.fixture
def settings(product_settings: dict[str, str]) -> Settings:
    return Settings.model_validate(
        {name.lower(): value for name, value in product_settings.items() if value}
    )


@pytest.fixture
def client(settings: Settings) -> Iterator[ServiceBusClient]:
    with settings.service_bus_endpoint.client() as client:
        yield client


async def enqueue(settings: Settings, count: int) -> list[str]:
    producer = CeleryProducer(settings)
    ids = [
        await producer.enqueue(Payload(json.dumps({"n": n}).encode(), {"n": n}))
        for n in range(count)
    ]
    await producer.aclose()
    return ids


def give_up(client: ServiceBusClient, settings: Settings, count: int) -> None:
    with client.get_queue_receiver(settings.service_bus_queue_name) as receiver:
        left = count
        while left:
            for message in receiver.receive_messages(left, max_wait_time=60):
                receiver.dead_letter_message(
                    message, reason="Rejected", error_description="for a test"
                )
                left -= 1


def queued(client: ServiceBusClient, settings: Settings, **options: Any) -> list[Any]:
    receiver: ServiceBusReceiver = client.get_queue_receiver(
        settings.service_bus_queue_name, **options
    )
    with receiver:
        return receiver.peek_messages(100)


async def test_letters_are_listed_shown_requeued_and_deleted(
    settings: Settings, client: ServiceBusClient
) -> None:
    ids = await enqueue(settings, 5)
    await asyncio.to_thread(give_up, client, settings, 5)
    letters = AzureDeadLetters(settings)

    first, second, *_ = page = await letters.page(0, 50)
    assert [letter.task_id for letter in page] == ids
    assert (first.reason, first.description, first.payload) == ("Rejected", "for a test", None)
    assert first.task == "queue_app.tasks.process_data"
    assert await letters.page(page[3].sequence_number, 50) == page[4:]
    assert len(await letters.page(0, 2)) == 2
    shown = await letters.find(second.sequence_number)
    assert shown is not None
    assert shown.payload == {"n": 1}
    assert await letters.find(10_000) is None

    numbers = [letter.sequence_number for letter in page]
    settled = await letters.requeue([numbers[1], numbers[3], 10_000])
    assert sorted(settled.done) == [numbers[1], numbers[3]]
    assert settled.missing == [10_000]
    assert await letters.find(numbers[1]) is None
    assert [letter.task_id for letter in await letters.page(0, 50)] == [ids[0], ids[2], ids[4]]

    assert (await letters.delete([numbers[0]])).done == [numbers[0]]
    rest = await letters.requeue(None)
    assert (rest.done, rest.is_complete) == ([numbers[2], numbers[4]], True)
    assert await letters.page(0, 50) == []

    again = [azure_dead_letters.describe(message) for message in queued(client, settings)]
    assert [letter.task_id for letter in again] == [ids[1], ids[3], ids[2], ids[4]]
    assert [letter.payload["n"] for letter in again] == [1, 3, 2, 4]
    assert {(letter.reason, letter.description) for letter in again} == {(None, None)}
    await letters.aclose()


async def test_a_death_between_the_two_queues_leaves_the_letter_in_both(
    settings: Settings, client: ServiceBusClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (task_id,) = await enqueue(settings, 1)
    await asyncio.to_thread(give_up, client, settings, 1)
    letters = AzureDeadLetters(settings)

    def die(_receiver: ServiceBusReceiver, _message: object) -> None:
        raise OSError("the process dies here")

    with monkeypatch.context() as dying:
        dying.setattr(ServiceBusReceiver, "complete_message", die)
        with pytest.raises(BrokerUnavailable):
            await letters.requeue(None)
    describe = azure_dead_letters.describe
    (sent,) = queued(client, settings)
    (kept,) = queued(client, settings, sub_queue=ServiceBusSubQueue.DEAD_LETTER)
    assert describe(sent).task_id == describe(kept).task_id == task_id
    await letters.aclose()


async def test_a_message_that_celery_did_not_write_is_a_letter_too(
    settings: Settings, client: ServiceBusClient
) -> None:
    from azure.servicebus import ServiceBusMessage  # noqa: PLC0415 - used once

    with client.get_queue_sender(settings.service_bus_queue_name) as sender:
        sender.send_messages(ServiceBusMessage(b"\xff not Celery", message_id="m"))
    await asyncio.to_thread(give_up, client, settings, 1)
    letters = AzureDeadLetters(settings)
    (letter,) = await letters.page(0, 10)
    assert (letter.task_id, letter.task, letter.message_bytes) == (None, None, 12)
    assert (await letters.requeue(None)).done == [letter.sequence_number]
    (message,) = queued(client, settings)
    assert azure_dead_letters.body_of(message) == b"\xff not Celery"
    assert message.message_id == f"m:requeued-{letter.sequence_number}"
    await letters.aclose()
