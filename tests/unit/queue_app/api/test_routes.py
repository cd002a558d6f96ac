import json
import uuid
from typing import Any

import httpx
import pytest

from queue_app.payload import encode_json
from queue_app.producer import InMemoryProducer
from tests.unit.queue_app.api.problem import assert_problem

JSON = {"content-type": "application/json"}


async def _enqueue(client: httpx.AsyncClient, body: bytes = b"{}") -> str:
    response = await client.post("/enqueue/", content=body, headers=JSON)
    assert response.status_code == 200
    task_id: str = response.json()["task_id"]
    return task_id


async def test_the_root_says_hello(client: httpx.AsyncClient) -> None:
    response = await client.get("/")
    assert (response.status_code, response.json()) == (200, {"message": "Hello World"})


@pytest.mark.parametrize("path", ["/enqueue", "/enqueue/"])
async def test_a_job_is_enqueued_with_and_without_the_slash(
    client: httpx.AsyncClient, producer: InMemoryProducer, path: str
) -> None:
    body = b' {"a" : 1} '
    response = await client.post(path, content=body, headers=JSON)
    assert response.status_code == 200
    task_id = response.json()["task_id"]
    assert response.json() == {"task_id": str(uuid.UUID(task_id))}
    assert response.headers["location"] == f"/status/{task_id}"
    assert producer.payloads[task_id].body == body
    assert producer.payloads[task_id].data == {"a": 1}


async def test_the_location_stays_behind_the_prefix_of_a_proxy(app: Any) -> None:
    transport = httpx.ASGITransport(app=app, root_path="/queue")
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        response = await client.post("/queue/enqueue/", json={})
    assert response.headers["location"].startswith("/queue/status/")


async def test_a_new_job_is_pending_without_a_result(client: httpx.AsyncClient) -> None:
    task_id = await _enqueue(client)
    response = await client.get(f"/status/{task_id}")
    assert response.status_code == 200
    assert response.json() == {"task_id": task_id, "status": "PENDING", "result": None}


async def test_a_running_job_is_started(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await _enqueue(client)
    producer.start(task_id)
    response = await client.get(f"/status/{task_id}")
    assert response.json() == {"task_id": task_id, "status": "STARTED", "result": None}


async def test_a_finished_job_has_its_result_unchanged(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await _enqueue(client)
    deep: Any = 10**4299
    for _ in range(102):
        deep = {"": [deep]}
    result = {"deep": deep, "text": "é😀\0\u2028", "floats": [5e-324, -0.0, 1e308], "b": True}
    producer.finish(task_id, result)
    response = await client.get(f"/status/{task_id}")
    assert response.status_code == 200
    expected = {"task_id": task_id, "status": "SUCCESS", "result": result}
    assert repr(json.loads(response.content)) == repr(expected)


async def test_a_failed_job_has_type_and_message(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await _enqueue(client)
    producer.fail(task_id, ValueError("no"))
    response = await client.get(f"/status/{task_id}")
    assert response.json() == {
        "task_id": task_id,
        "status": "FAILURE",
        "result": {"type": "ValueError", "message": "no"},
    }


@pytest.mark.parametrize("task_id", [str(uuid.UUID(int=5)), "not-a-uuid", "report:2026.11"])
async def test_an_id_that_was_never_enqueued_is_pending(
    client: httpx.AsyncClient, task_id: str
) -> None:
    response = await client.get(f"/status/{task_id}")
    assert response.status_code == 200
    assert response.json() == {"task_id": task_id, "status": "PENDING", "result": None}


@pytest.mark.parametrize("task_id", ["%20", "%00", "a%0Ab", "%C3%A9", "x" * 256, "a%25b", "%FF"])
async def test_an_id_that_no_task_can_have_is_unknown(
    client: httpx.AsyncClient, task_id: str
) -> None:
    response = await client.get(f"/status/{task_id}")
    assert response.status_code == 404
    assert response.json()["type"] == "/problems/unknown-task"


@pytest.mark.parametrize("path", ["/status", "/status/", "/status/a%2Fb", "/status/a/b"])
async def test_other_paths_below_status_are_not_found(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.json()["type"] == "/problems/not-found"


@pytest.mark.parametrize("result", [float("nan"), "\ud800", {"a": [float("inf")]}, object()])
async def test_a_result_that_is_not_json_is_told_plainly(
    client: httpx.AsyncClient, producer: InMemoryProducer, result: Any
) -> None:
    task_id = await _enqueue(client)
    producer.finish(task_id, result)
    response = await client.get(f"/status/{task_id}")
    assert_problem(response, 500, "unrepresentable-result")


async def test_the_process_lives_while_everything_is_down(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    producer.take_down("broker")
    producer.take_down("storage")
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/")).status_code == 200


async def test_it_is_ready_when_both_answer(client: httpx.AsyncClient) -> None:
    response = await client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "components": {"broker": "ok", "storage": "ok"},
    }


@pytest.mark.parametrize(("down", "up"), [("broker", "storage"), ("storage", "broker")])
async def test_it_is_not_ready_and_names_what_does_not_answer(
    client: httpx.AsyncClient, producer: InMemoryProducer, down: Any, up: str
) -> None:
    producer.take_down(down, "connection refused")
    response = await client.get("/readyz")
    problem = assert_problem(response, 503, "not-ready")
    assert problem["detail"] == f"{down}: connection refused"
    assert problem["components"] == {down: "connection refused", up: "ok"}
    assert int(response.headers["retry-after"]) > 0


async def test_without_broker_a_job_is_refused_for_now(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    producer.take_down("broker", "connection refused")
    response = await client.post("/enqueue/", json={})
    problem = assert_problem(response, 503, "broker-unavailable")
    assert problem["component"] == "broker"
    assert response.headers["retry-after"] == "5"
    assert "location" not in response.headers


async def test_without_storage_a_status_is_refused_for_now(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    producer.take_down("storage", "timed out")
    response = await client.get(f"/status/{uuid.UUID(int=1)}")
    problem = assert_problem(response, 503, "storage-unavailable")
    assert problem["component"] == "storage"
    assert response.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    ("body", "status", "name"),
    [
        (b"", 400, "malformed-json"),
        (b"{", 400, "malformed-json"),
        (b"\xff", 400, "malformed-json"),
        (b'{"a":NaN}', 400, "malformed-json"),
        (b"[" * 900, 422, "unfaithful-json"),
        (b"[]", 422, "not-an-object"),
        (b'{"a":1,"a":2}', 422, "unfaithful-json"),
        (b'{"\\ud800":1,"\\ud800":2}', 422, "unfaithful-json"),
        (b'{"a":"' + b"x" * 1000 + b'"}', 413, "payload-too-large"),
    ],
)
async def test_bodies_that_are_no_payload_are_refused(
    client: httpx.AsyncClient, producer: InMemoryProducer, body: bytes, status: int, name: str
) -> None:
    response = await client.post("/enqueue/", content=body, headers=JSON)
    assert_problem(response, status, name)
    assert producer.payloads == {}


@pytest.mark.parametrize(
    ("name", "status"), [("payload-too-large", 413), ("not-an-object", 422), ("not-ready", 503)]
)
async def test_the_address_of_a_problem_type_describes_it(
    client: httpx.AsyncClient, name: str, status: int
) -> None:
    description = (await client.get(f"/problems/{name}")).json()
    assert description["type"] == f"/problems/{name}"
    assert description["status"] == status
    assert description["description"]


async def test_a_problem_type_that_does_not_exist_is_not_found(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/problems/none"), 404, "not-found")


async def test_a_payload_of_exactly_the_limit_is_accepted(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    body = encode_json({"a": "x" * 992})
    assert len(body) == 1000
    task_id = await _enqueue(client, body)
    assert producer.payloads[task_id].body == body
