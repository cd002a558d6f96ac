import uuid

import httpx
import pytest

from queue_app.api.application import create_app
from queue_app.jobs import CANCELLED_RESULT
from queue_app.producer import InMemoryProducer, Payload
from queue_app.settings import Settings
from tests.unit.queue_app.api.problem import assert_problem

NOW = 1_790_000_000.25
EMPTY = Payload(b"{}", {})


@pytest.fixture
def producer() -> InMemoryProducer:
    return InMemoryProducer(lambda: NOW)


async def test_a_task_that_waits_is_queued_since_it_was_enqueued(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await producer.enqueue(EMPTY)
    task = (await client.get(f"/tasks/{task_id}")).json()
    assert task.pop("task_id") == task_id
    assert task.pop("state") == "QUEUED"
    assert task.pop("enqueued_at") == "2026-09-21T14:13:20.000Z"
    assert set(task.values()) == {None}


async def test_a_running_task_tells_worker_attempt_and_progress(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await producer.enqueue(Payload(b'{"a":1}', {"a": 1}))
    producer.advance(task_id, 1, 4, "first")
    task = (await client.get(f"/tasks/{task_id}")).json()
    assert task["state"] == "STARTED"
    assert task["progress"] == {"done": 1, "total": 4, "message": "first"}
    assert (task["worker"], task["attempts"], task["payload_bytes"]) == ("memory", 1, 7)
    assert task["started_at"] == "2026-09-21T14:13:20.250Z"
    assert task["ended_at"] is None


async def test_a_finished_task_tells_its_result_its_size_and_its_end(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await producer.enqueue(EMPTY)
    producer.finish(task_id, {"a": "é"})
    task = (await client.get(f"/tasks/{task_id}")).json()
    assert (task["state"], task["result"], task["result_bytes"]) == ("SUCCESS", {"a": "é"}, 10)
    assert task["ended_at"] == "2026-09-21T14:13:20.250Z"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("task_id", [str(uuid.UUID(int=7)), "nightly-report"])
async def test_an_id_that_was_never_enqueued_is_not_found(
    client: httpx.AsyncClient, method: str, task_id: str
) -> None:
    response = await client.request(method, f"/tasks/{task_id}")
    assert_problem(response, 404, "task-not-found")
    status = await client.get(f"/status/{task_id}")
    assert status.json()["status"] == "PENDING"


async def test_an_answer_that_the_client_has_is_not_sent_again(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    path = f"/tasks/{await producer.enqueue(EMPTY)}"
    first = await client.get(path)
    again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_a_task_that_waits_is_cancelled(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await producer.enqueue(EMPTY)
    response = await client.delete(f"/tasks/{task_id}")
    assert (response.status_code, response.json()["state"]) == (200, "REVOKED")
    producer.start(task_id)
    status = (await client.get(f"/status/{task_id}")).json()
    assert (status["status"], status["result"]) == ("FAILURE", CANCELLED_RESULT)
    metrics = (await client.get("/metrics")).text
    assert 'queue_app_cancellations_total{outcome="cancelled"} 1.0' in metrics


async def test_a_running_task_that_nobody_can_stop_is_a_conflict(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await producer.enqueue(EMPTY)
    producer.start(task_id)
    assert_problem(await client.delete(f"/tasks/{task_id}"), 409, "task-running")


async def test_a_task_that_has_ended_is_a_conflict_that_says_how(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await producer.enqueue(EMPTY)
    producer.finish(task_id, None)
    problem = assert_problem(await client.delete(f"/tasks/{task_id}"), 409, "task-ended")
    assert problem["detail"] == "The task has ended with SUCCESS."


async def test_a_running_task_is_asked_to_stop_where_that_works(settings: Settings) -> None:
    producer = InMemoryProducer(can_stop=True)
    transport = httpx.ASGITransport(app=create_app(settings, producer))
    task_id = await producer.enqueue(EMPTY)
    producer.start(task_id)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        response = await client.delete(f"/tasks/{task_id}")
    assert (response.status_code, response.json()["state"]) == (202, "STARTED")
