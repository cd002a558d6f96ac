import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from queue_app.producer import InMemoryProducer
from tests.unit.queue_app.api.problem import assert_problem
from tests.unit.queue_app.conftest import LIMIT

BATCH = "/enqueue/batch"
LINES = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}


async def test_an_array_of_jobs_is_enqueued_in_order(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    response = await client.post(BATCH, json=[{"n": n} for n in range(500)])
    answer = response.json()
    assert (response.status_code, answer["accepted"], answer["refused"]) == (200, 500, 0)
    assert [item["index"] for item in answer["items"]] == list(range(500))
    for item in answer["items"]:
        assert producer.payloads[item["task_id"]].data == {"n": item["index"]}


@pytest.mark.parametrize("media_type", ["application/x-ndjson", "application/jsonl; charset=utf-8"])
async def test_lines_are_answered_with_lines(
    client: httpx.AsyncClient, producer: InMemoryProducer, media_type: str
) -> None:
    response = await client.post(
        BATCH, content=b'{"n":0}\n[]\n\n{"n":2}', headers={"content-type": media_type}
    )
    assert response.headers["content-type"] == "application/x-ndjson"
    items = [json.loads(line) for line in response.text.splitlines()]
    assert [(item["index"], item["status"]) for item in items] == [(0, 200), (1, 422), (2, 200)]
    assert items[1]["problem"]["type"] == "/problems/not-an-object"
    assert [payload.data for payload in producer.payloads.values()] == [{"n": 0}, {"n": 2}]


async def test_a_job_that_is_too_large_alone_is_refused_alone(client: httpx.AsyncClient) -> None:
    answer = (await client.post(BATCH, json=[{"a": "x" * LIMIT}, {}])).json()
    assert [item["status"] for item in answer["items"]] == [413, 200]
    assert answer["items"][0]["problem"]["limit"] == LIMIT


async def test_an_empty_batch_is_a_batch(client: httpx.AsyncClient) -> None:
    assert (await client.post(BATCH, json=[])).json() == {
        "accepted": 0,
        "refused": 0,
        "items": [],
    }


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [(b"[{},", 400, "malformed-json"), (b"{}", 422, "not-an-array"), (b"", 422, "not-an-array")],
)
async def test_a_body_that_is_no_array_enqueues_nothing(
    client: httpx.AsyncClient, producer: InMemoryProducer, body: bytes, status: int, name: str
) -> None:
    assert_problem(await client.post(BATCH, content=body, headers=JSON), status, name)
    assert producer.payloads == {}


async def test_other_media_types_are_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(BATCH, content=b"[]", headers={"content-type": "text/plain"})
    assert_problem(response, 415, "unsupported-media-type")


async def test_more_jobs_than_may_be_are_refused(
    app: FastAPI, client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    limit = app.state.settings.max_batch_items
    problem = assert_problem(
        await client.post(BATCH, content=b"[" + b"{}," * limit + b"{}]", headers=JSON),
        413,
        "too-many-items",
    )
    assert problem["limit"] == limit
    assert producer.payloads == {}


async def test_without_broker_a_batch_is_refused_as_a_job_is(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    producer.take_down("broker")
    assert_problem(await client.post(BATCH, json=[{}, {}]), 503, "broker-unavailable")


async def test_a_broker_that_is_lost_on_the_way_is_the_outcome_of_the_rest(
    client: httpx.AsyncClient, producer: InMemoryProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue = producer.enqueue

    async def lose(payload: Any, **options: Any) -> str:
        task_id = await enqueue(payload, **options)
        producer.take_down("broker", "lost")
        return task_id

    monkeypatch.setattr(producer, "enqueue", lose)
    answer = (await client.post(BATCH, json=[{}, {}, {}])).json()
    assert [item["status"] for item in answer["items"]] == [200, 503, 503]
    assert answer["items"][2]["problem"]["component"] == "broker"


async def test_a_batch_that_is_sent_again_with_its_key_gives_the_same_tasks(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    headers = {"Idempotency-Key": "batch-7"}
    first = await client.post(BATCH, json=[{"a": 1}, {"a": 1}], headers=headers)
    again = await client.post(BATCH, json=[{"a": 1}, {"a": 1}, {"a": 2}], headers=headers)
    ids = [item["task_id"] for item in again.json()["items"]]
    assert ids[:2] == [item["task_id"] for item in first.json()["items"]]
    assert len(set(ids)) == len(producer.payloads) == 3


async def test_the_time_of_a_batch_is_that_of_each_job(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    await client.post(f"{BATCH}?delay=60", json=[{}, {}])
    assert set(producer.due) == set(producer.payloads)


async def test_a_service_that_closes_takes_no_batch(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    app.state.context.lifecycle.close()
    assert_problem(await client.post(BATCH, json=[]), 503, "closing")
