import logging
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import Message

from queue_app.producer import InMemoryProducer, Payload
from tests.unit.queue_app.api.problem import assert_problem


@pytest.mark.parametrize("path", ["/nowhere", "/%C3%A9%20x", "/enqueue/x", "/readyz/"])
async def test_an_unknown_path_is_a_problem(client: httpx.AsyncClient, path: str) -> None:
    assert_problem(await client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/enqueue/", "POST"),
        ("HEAD", "/enqueue", "POST"),
        ("POST", "/", "GET, HEAD"),
        ("DELETE", "/status/a", "GET, HEAD"),
        ("OPTIONS", "/healthz", "GET, HEAD"),
    ],
)
async def test_a_method_that_is_not_known_is_a_problem_that_lists_those_known(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"] == allowed
    assert response.headers["content-type"] == "application/problem+json"


async def test_the_detail_of_405_lists_the_methods(client: httpx.AsyncClient) -> None:
    problem = assert_problem(await client.put("/"), 405, "method-not-allowed")
    assert problem["detail"] == "PUT is not supported here; allowed: GET, HEAD."


async def test_too_large_says_the_limit(client: httpx.AsyncClient) -> None:
    response = await client.post("/enqueue", json={"a": "x" * 1000})
    problem = assert_problem(response, 413, "payload-too-large")
    assert problem["limit"] == 1000
    assert "1000 bytes" in problem["detail"]


async def test_an_unsupported_media_type_says_what_is_supported(client: httpx.AsyncClient) -> None:
    response = await client.post("/enqueue", content=b"{}", headers={"content-type": "text/plain"})
    problem = assert_problem(response, 415, "unsupported-media-type")
    assert "text/plain" in problem["detail"]
    assert response.headers["accept"] == "application/json"


async def test_a_bug_is_a_problem_that_tells_nothing(
    client: httpx.AsyncClient, producer: InMemoryProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_payload: Payload) -> str:
        raise RuntimeError("internal secret")

    monkeypatch.setattr(producer, "enqueue", fail)
    response = await client.post("/enqueue/", json={})
    assert_problem(response, 500, "internal-error")
    assert "secret" not in response.text


async def test_a_bug_reaches_the_log_of_the_server(
    app: FastAPI, producer: InMemoryProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> str:
        raise RuntimeError("a bug")

    monkeypatch.setattr(producer, "shown", fail)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        with pytest.raises(RuntimeError, match="a bug"):
            await client.get("/status/a")


async def test_parameters_that_fastapi_refuses_are_a_problem(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    @app.get("/paged")
    async def paged(limit: int) -> int:
        return limit

    problem = assert_problem(await client.get("/paged?limit=x"), 422, "invalid-request")
    assert problem["detail"].startswith("query.limit: ")


async def test_other_http_errors_say_no_more_than_their_status(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    @app.get("/teapot")
    async def brew() -> None:
        raise HTTPException(418, "short and stout", headers={"x-spout": "here"})

    response = await client.get("/teapot")
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-spout"] == "here"
    assert response.json() == {
        "type": "about:blank",
        "title": "I'm a Teapot",
        "status": 418,
        "detail": "short and stout",
        "instance": "/teapot",
    }


async def test_an_outage_is_logged_with_its_component(
    client: httpx.AsyncClient, producer: InMemoryProducer, caplog: pytest.LogCaptureFixture
) -> None:
    producer.take_down("broker", "throttled")
    with caplog.at_level(logging.WARNING):
        await client.post("/enqueue/", json={"a": "payload"})
    assert "broker is out of reach: throttled" in caplog.text
    assert "payload" not in caplog.text


async def test_an_aborted_upload_is_not_a_bug(app: FastAPI) -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/enqueue/",
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "root_path": "",
    }
    await app(scope, receive, send)
    assert sent[0]["status"] == 400
