import httpx
import pytest
from fastapi import FastAPI, Request

from queue_app.api.dependencies import ContextDep, ServicesDep, TaskIdDep, read_payload
from queue_app.producer import InMemoryProducer
from queue_app.settings import Settings
from tests.unit.queue_app.api.problem import assert_problem


async def test_endpoints_get_what_the_application_was_built_with(
    app: FastAPI, client: httpx.AsyncClient, settings: Settings, producer: InMemoryProducer
) -> None:
    @app.get("/given")
    async def check(context: ContextDep, services: ServicesDep) -> bool:
        return (
            context.settings is settings
            and context.services is services
            and services.producer is producer
        )

    assert (await client.get("/given")).json() is True


async def test_a_payload_has_the_bytes_and_what_they_say(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    @app.post("/given")
    async def check(request: Request) -> bool:
        payload = await read_payload(request)
        return (payload.body, payload.data) == (b'{"a" :1}', {"a": 1})

    headers = {"content-type": "application/json"}
    assert (await client.post("/given", content=b'{"a" :1}', headers=headers)).json() is True


@pytest.mark.parametrize(("path", "status"), [("/given/a.b", 200), ("/given/a%20b", 404)])
async def test_an_id_is_checked_before_anybody_is_asked(
    app: FastAPI, client: httpx.AsyncClient, path: str, status: int
) -> None:
    @app.get("/given/{task_id}")
    async def check(task_id: TaskIdDep) -> str:
        return task_id

    response = await client.get(path)
    assert response.status_code == status
    if status == 404:
        assert_problem(response, 404, "unknown-task")
