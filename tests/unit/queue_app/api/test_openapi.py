from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from queue_app.api.openapi import OPEN_PATHS
from queue_app.api.problems import PROBLEM_TYPES
from queue_app.producer import Payload

OPERATIONS = {
    ("/", "get"): {200},
    ("/enqueue/", "post"): {200, 400, 409, 413, 415, 422, 500, 503},
    ("/enqueue/batch", "post"): {200, 400, 413, 415, 422, 500, 503},
    ("/status/{task_id}", "get"): {200, 304, 404, 422, 500, 503},
    ("/status/{task_id}/events", "get"): {200, 404, 500, 503},
    ("/status/{task_id}/logs", "get"): {200, 206, 404, 416, 422, 500, 503},
    ("/tasks/{task_id}", "get"): {200, 304, 404, 500, 503},
    ("/tasks/{task_id}", "delete"): {200, 202, 404, 409, 500, 503},
    ("/dead-letters", "get"): {200, 422, 500, 503},
    ("/dead-letters/{sequence_number}", "get"): {200, 404, 500, 503},
    ("/dead-letters/{sequence_number}", "delete"): {200, 404, 500, 503},
    ("/dead-letters/requeue", "post"): {200, 413, 415, 422, 500, 503},
    ("/dead-letters/delete", "post"): {200, 413, 415, 422, 500, 503},
    ("/metrics", "get"): {200, 500},
    ("/queue", "get"): {200, 500},
    ("/healthz", "get"): {200},
    ("/readyz", "get"): {200, 503},
}

MEDIA_TYPES = {
    "/status/{task_id}/events": "text/event-stream",
    "/status/{task_id}/logs": "text/plain",
    "/metrics": "text/plain",
}


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    response = await client.get("/openapi.json")
    assert response.status_code == 200
    document: dict[str, Any] = response.json()
    return document


def _operation(document: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"][path][method]
    return operation


def _examples(media: dict[str, Any]) -> list[Any]:
    if "example" in media:
        return [media["example"]]
    return [example["value"] for example in media["examples"].values()]


def test_the_document_describes_these_operations_and_no_others(document: dict[str, Any]) -> None:
    described = {(path, method) for path, item in document["paths"].items() for method in item}
    assert described == set(OPERATIONS)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_an_operation_describes_these_statuses_and_no_others(
    document: dict[str, Any], path: str, method: str
) -> None:
    responses = _operation(document, path, method)["responses"]
    at_the_gate = set() if path in OPEN_PATHS else {401, 403, 429}
    assert set(responses) == {str(status) for status in OPERATIONS[path, method] | at_the_gate}


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_status_has_examples_that_its_schema_accepts(
    document: dict[str, Any], path: str, method: str
) -> None:
    for status, response in _operation(document, path, method)["responses"].items():
        if status == "304":
            assert "content" not in response
            continue
        media_type, *others = response["content"]
        assert others == (["application/x-ndjson"] if "batch" in path and status == "200" else [])
        is_problem = int(status) >= 400
        expected = MEDIA_TYPES.get(path, "application/json")
        assert media_type == ("application/problem+json" if is_problem else expected)
        media = response["content"][media_type]
        validator = Draft202012Validator({**media["schema"], "components": document["components"]})
        examples = _examples(media)
        assert examples
        for example in examples:
            validator.validate(example)
            assert not is_problem or example["status"] == int(status)


def test_every_problem_of_an_operation_is_a_listed_type(document: dict[str, Any]) -> None:
    shown = {
        example["type"]
        for path, method in OPERATIONS
        for response in _operation(document, path, method)["responses"].values()
        for example in _examples(
            response.get("content", {}).get("application/problem+json", {"examples": {}})
        )
    }
    assert shown <= {problem.uri for problem in PROBLEM_TYPES.values()}
    assert "/problems/unfaithful-json" in shown


def test_unavailable_says_when_to_try_again(document: dict[str, Any]) -> None:
    responses = _operation(document, "/enqueue/", "post")["responses"]
    assert "Retry-After" in responses["503"]["headers"]
    assert "Location" in responses["200"]["headers"]


def test_the_status_endpoint_shows_all_four_states(document: dict[str, Any]) -> None:
    response = _operation(document, "/status/{task_id}", "get")["responses"]["200"]
    examples = _examples(response["content"]["application/json"])
    states = document["components"]["schemas"]["JobState"]["enum"]
    assert [example["status"] for example in examples] == states


async def test_real_answers_match_their_schemas(
    app: FastAPI, client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    enqueued = await client.post("/enqueue/", json={})
    task_id = enqueued.json()["task_id"]
    assert app.state.context.services.dead_letters.bury(task_id, Payload(b"{}", {})) == 1
    answers = {
        ("/", "get"): await client.get("/"),
        ("/enqueue/", "post"): enqueued,
        ("/enqueue/batch", "post"): await client.post("/enqueue/batch", json=[{}, 1]),
        ("/status/{task_id}", "get"): await client.get(enqueued.headers["location"]),
        ("/tasks/{task_id}", "get"): await client.get(f"/tasks/{task_id}"),
        ("/tasks/{task_id}", "delete"): await client.delete(f"/tasks/{task_id}"),
        ("/dead-letters", "get"): await client.get("/dead-letters"),
        ("/dead-letters/{sequence_number}", "get"): await client.get("/dead-letters/1"),
        ("/dead-letters/{sequence_number}", "delete"): await client.delete("/dead-letters/1"),
        ("/dead-letters/requeue", "post"): await client.post(
            "/dead-letters/requeue", json={"all": True}
        ),
        ("/dead-letters/delete", "post"): await client.post(
            "/dead-letters/delete", json={"sequence_numbers": [1]}
        ),
        ("/queue", "get"): await client.get("/queue"),
        ("/healthz", "get"): await client.get("/healthz"),
        ("/readyz", "get"): await client.get("/readyz"),
    }
    assert set(answers) == {
        (path, method) for path, method in OPERATIONS if path not in MEDIA_TYPES
    }
    for (path, method), answer in answers.items():
        described = _operation(document, path, method)["responses"][str(answer.status_code)]
        schema = described["content"][answer.headers["content-type"]]["schema"]
        Draft202012Validator({**schema, "components": document["components"]}).validate(
            answer.json()
        )


def test_the_parameter_allows_the_ids_that_tasks_can_have(document: dict[str, Any]) -> None:
    (parameter, *_) = _operation(document, "/status/{task_id}", "get")["parameters"]
    validator = Draft202012Validator(parameter["schema"])
    assert validator.is_valid(parameter["example"])
    assert not any(map(validator.is_valid, ["", "a/b", "a.", "x" * 256]))


async def test_the_interactive_page_is_there(client: httpx.AsyncClient) -> None:
    assert (await client.get("/docs")).status_code == 200
