from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from queue_app.api import parameters
from queue_app.api.application import create_app
from queue_app.dead_letters import InMemoryDeadLetters
from queue_app.producer import InMemoryProducer, Payload
from queue_app.services import Services
from queue_app.settings import Settings
from tests.unit.queue_app.api.problem import assert_problem


@pytest.fixture
def services(producer: InMemoryProducer) -> Services:
    return Services.in_memory(producer)


@pytest.fixture
def app(settings: Settings, services: Services) -> FastAPI:
    return create_app(settings, services=services)


@pytest.fixture
def letters(services: Services) -> InMemoryDeadLetters:
    assert isinstance(services.dead_letters, InMemoryDeadLetters)
    return services.dead_letters


async def bury(producer: InMemoryProducer, letters: InMemoryDeadLetters, count: int) -> list[str]:
    ids = [await producer.enqueue(Payload(b'{"n":1}', {"n": number})) for number in range(count)]
    for task_id in ids:
        letters.bury(
            task_id, producer.payloads[task_id], "Rejected", "The worker rejected the message."
        )
    return ids


async def test_letters_are_listed_with_their_reasons_page_by_page(
    client: httpx.AsyncClient, producer: InMemoryProducer, letters: InMemoryDeadLetters
) -> None:
    ids = await bury(producer, letters, 5)
    seen: list[Any] = []
    after: int | None = 0
    while after is not None:
        page = (await client.get("/dead-letters", params={"limit": 2, "after": after})).json()
        seen += page["items"]
        after = page["next"]
    assert [letter["task_id"] for letter in seen] == ids
    assert {(letter["reason"], letter["description"]) for letter in seen} == {
        ("Rejected", "The worker rejected the message.")
    }
    assert "payload" not in seen[0]


async def test_a_page_begins_wherever_the_document_allows(client: httpx.AsyncClient) -> None:
    largest = parameters.AFTER["schema"]["maximum"]
    assert (await client.get("/dead-letters", params={"after": largest})).status_code == 200
    beyond = await client.get("/dead-letters", params={"after": largest + 1})
    assert_problem(beyond, 422, "invalid-request")


async def test_the_numbers_of_a_partitioned_queue_are_given_and_taken_as_text_too(
    client: httpx.AsyncClient, producer: InMemoryProducer, letters: InMemoryDeadLetters
) -> None:
    await bury(producer, letters, 3)
    numbers = [2**55 + 1, 2**63 - 2, 2**63 - 1]
    letters.letters = {
        number: replace(letter, sequence_number=number)
        for number, letter in zip(numbers, letters.letters.values(), strict=True)
    }
    page = (await client.get("/dead-letters", params={"after": f"{numbers[0]}"})).json()
    assert [letter["id"] for letter in page["items"]] == [str(number) for number in numbers[1:]]
    for number in numbers:
        shown = await client.get(f"/dead-letters/{number}")
        assert shown.json()["id"] == str(number)
    assert_problem(await client.get(f"/dead-letters/{2**63}"), 404, "dead-letter-not-found")
    chosen = {"sequence_numbers": [str(numbers[0]), numbers[1]]}
    response = await client.post("/dead-letters/delete", json=chosen)
    assert response.json()["done"] == numbers[:2]
    assert list(letters.letters) == numbers[2:]


async def test_one_letter_is_shown_with_its_payload(
    client: httpx.AsyncClient, producer: InMemoryProducer, letters: InMemoryDeadLetters
) -> None:
    await bury(producer, letters, 2)
    assert (await client.get("/dead-letters/2")).json()["payload"] == {"n": 1}


async def test_some_letters_are_requeued_under_the_ids_of_their_tasks(
    client: httpx.AsyncClient, producer: InMemoryProducer, letters: InMemoryDeadLetters
) -> None:
    ids = await bury(producer, letters, 3)
    producer.payloads.clear()
    response = await client.post("/dead-letters/requeue", json={"sequence_numbers": [1, 3, 99]})
    assert response.json() == {"done": [1, 3], "missing": [99], "complete": True}
    assert list(producer.payloads) == [ids[0], ids[2]]
    assert list(letters.letters) == [2]


async def test_all_letters_are_requeued(
    client: httpx.AsyncClient, producer: InMemoryProducer, letters: InMemoryDeadLetters
) -> None:
    await bury(producer, letters, 3)
    response = await client.post("/dead-letters/requeue", json={"all": True})
    assert response.json() == {"done": [1, 2, 3], "missing": [], "complete": True}
    assert letters.letters == {}


async def test_letters_are_deleted_some_all_or_one(
    client: httpx.AsyncClient, producer: InMemoryProducer, letters: InMemoryDeadLetters
) -> None:
    await bury(producer, letters, 5)
    producer.payloads.clear()
    assert (await client.delete("/dead-letters/2")).json()["done"] == [2]
    some = await client.post("/dead-letters/delete", json={"sequence_numbers": [1]})
    assert some.json()["done"] == [1]
    assert list(letters.letters) == [3, 4, 5]
    assert (await client.post("/dead-letters/delete", json={"all": True})).json()["complete"]
    assert (letters.letters, producer.payloads) == ({}, {})


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("number", ["7", "0", "x", "-1", "9" * 30])
async def test_a_letter_that_is_not_there_is_not_found(
    client: httpx.AsyncClient, method: str, number: str
) -> None:
    response = await client.request(method, f"/dead-letters/{number}")
    assert_problem(response, 404, "dead-letter-not-found")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"all": False},
        {"all": True, "sequence_numbers": [1]},
        {"sequence_numbers": "1"},
        {"sequence_numbers": [1.5]},
        {"sequence_numbers": list(range(1001))},
        {"number": 1},
        [],
    ],
)
@pytest.mark.parametrize("verb", ["requeue", "delete"])
async def test_a_body_that_does_not_say_which_is_refused(
    client: httpx.AsyncClient,
    producer: InMemoryProducer,
    letters: InMemoryDeadLetters,
    verb: str,
    body: Any,
) -> None:
    await bury(producer, letters, 1)
    problem = assert_problem(
        await client.post(f"/dead-letters/{verb}", json=body), 422, "invalid-request"
    )
    assert problem["detail"].startswith("body")
    assert list(letters.letters) == [1]


@pytest.mark.parametrize("query", ["limit=0", "limit=251", "limit=x", "after=-1", "after=1.5"])
async def test_a_page_that_cannot_be_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert_problem(await client.get(f"/dead-letters?{query}"), 422, "invalid-request")


async def test_without_broker_there_are_no_answers(
    client: httpx.AsyncClient, letters: InMemoryDeadLetters
) -> None:
    letters.is_down = True
    for response in (
        await client.get("/dead-letters"),
        await client.get("/dead-letters/1"),
        await client.post("/dead-letters/requeue", json={"all": True}),
    ):
        assert_problem(response, 503, "broker-unavailable")
