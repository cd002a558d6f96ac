from collections.abc import Callable
from typing import Any

import httpx
import pytest

from queue_app.api.application import create_app
from queue_app.producer import InMemoryProducer
from queue_app.services import Services
from queue_app.settings import Settings
from tests.unit.queue_app.api.problem import assert_problem

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z
ENQUEUE = "/enqueue/"


@pytest.fixture
def app(settings: Settings, producer: InMemoryProducer) -> Any:
    return create_app(settings, services=Services.in_memory(producer, now=lambda: NOW))


@pytest.mark.parametrize(
    ("query", "due"),
    [
        ("delay=0", NOW),
        ("delay=90.5", NOW + 90.5),
        ("delay=2592000", NOW + 2_592_000),
        ("at=2026-09-21T14:14:20Z", NOW + 60),
        ("at=2026-09-21t14:14:20.5z", NOW + 60.5),
        ("at=2026-09-21T16:14:20%2B02:00", NOW + 60),
        ("at=2026-09-21T16:14:20+02:00", NOW + 60),
        ("at=2000-01-01T00:00:00Z", NOW),
        ("at=0001-01-01T00:00:00%2B23:59", NOW),
    ],
)
async def test_a_job_is_due_when_the_query_says(
    client: httpx.AsyncClient, producer: InMemoryProducer, query: str, due: float
) -> None:
    response = await client.post(f"{ENQUEUE}?{query}", json={})
    assert response.status_code == 200
    assert producer.due == {response.json()["task_id"]: pytest.approx(due)}


async def test_the_longest_delay_is_told_digit_by_digit(client: httpx.AsyncClient) -> None:
    response = await client.post(f"{ENQUEUE}?delay=-1", json={})
    problem = assert_problem(response, 422, "invalid-request")
    assert problem["detail"] == "query.delay: a number from 0 to 2592000 is expected."


async def test_a_job_without_a_time_is_due_now(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    assert (await client.post(f"{ENQUEUE}?x=1", json={})).status_code == 200
    assert producer.due == {}


@pytest.mark.parametrize(
    "query",
    [
        "delay=-1",
        "delay=2592001",
        "delay=soon",
        "delay=",
        "at=tomorrow",
        "at=2026-09-21",
        "at=2026-09-21T14:14:20",
        "at=2026-13-21T14:14:20Z",
        "at=2027-09-21T14:14:20Z",
        "delay=1&at=2026-09-21T14:14:20Z",
    ],
)
async def test_a_time_that_cannot_be_kept_is_refused(
    client: httpx.AsyncClient, producer: InMemoryProducer, query: str
) -> None:
    problem = assert_problem(
        await client.post(f"{ENQUEUE}?{query}", json={}), 422, "invalid-request"
    )
    assert problem["detail"].startswith("query.")
    assert producer.payloads == {}


@pytest.mark.parametrize("spell", [str, '"{}"'.format])
async def test_a_repeated_key_is_answered_with_the_same_task(
    client: httpx.AsyncClient, producer: InMemoryProducer, spell: Callable[[str], str]
) -> None:
    first = await client.post(ENQUEUE, json={"a": 1}, headers={"Idempotency-Key": "k-1"})
    again = await client.post(ENQUEUE, json={"a": 1}, headers={"Idempotency-Key": spell("k-1")})
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert len(producer.payloads) == 1


async def test_a_key_with_another_body_is_refused(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    headers = {"Idempotency-Key": "k-1"}
    await client.post(ENQUEUE, json={"a": 1}, headers=headers)
    response = await client.post(ENQUEUE, json={"a": 2}, headers=headers)
    assert_problem(response, 422, "idempotency-key-reused")
    response = await client.post(f"{ENQUEUE}?delay=1", json={"a": 1}, headers=headers)
    assert_problem(response, 422, "idempotency-key-reused")
    assert len(producer.payloads) == 1


@pytest.mark.parametrize("key", ["", '""', "a b", "x" * 256, b"\xe9"])
async def test_a_key_that_is_none_is_refused(
    client: httpx.AsyncClient, producer: InMemoryProducer, key: Any
) -> None:
    response = await client.post(ENQUEUE, json={}, headers={"Idempotency-Key": key})
    problem = assert_problem(response, 422, "invalid-request")
    assert problem["detail"].startswith("header.Idempotency-Key: ")
    assert producer.payloads == {}
