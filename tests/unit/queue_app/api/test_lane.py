"""The lane answers as the router would: everything is asked of both."""

from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import httpx
import pytest
from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect

from queue_app.api.application import create_app
from queue_app.api.lane import Lane
from queue_app.errors import StorageUnavailable
from queue_app.producer import InMemoryProducer
from queue_app.settings import Settings

Answer = TypeVar("Answer")

PATHS = [
    "/enqueue/", "/enqueue", "/enqueue/x", "/status/a", "/status/a%0A", "/status/a%2Fb", "/status/",
    "/status", "/status/a/", "/status/a/events/x", "/status//a", "/statusa", "//status/a", "/",
]  # fmt: skip


class Sides:
    """An application, and the same one without a lane."""

    def __init__(self, settings: Settings) -> None:
        self.producer = InMemoryProducer()
        self.with_lane = create_app(settings, self.producer)
        self.without = create_app(settings, self.producer)
        self.without.user_middleware = [
            middleware for middleware in self.without.user_middleware if not is_lane(middleware)
        ]

    async def ask(
        self, send: Callable[[httpx.AsyncClient], Awaitable[Answer]], root_path: str = ""
    ) -> tuple[Answer, Answer]:
        first, second = [await _ask(app, send, root_path) for app in (self.with_lane, self.without)]
        return first, second


@pytest.fixture
def sides(settings: Settings) -> Sides:
    return Sides(settings)


def is_lane(middleware: Middleware) -> bool:
    return cast("object", middleware.cls) is Lane


async def _ask(
    app: FastAPI, send: Callable[[httpx.AsyncClient], Awaitable[Answer]], root_path: str
) -> Answer:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, root_path=root_path)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        return await send(client)


def test_there_is_a_lane(sides: Sides) -> None:
    assert any(map(is_lane, sides.with_lane.user_middleware))


@pytest.mark.parametrize("root_path", ["", "/queue"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "OPTIONS"])
async def test_every_path_leads_to_what_the_router_finds(
    sides: Sides, method: str, root_path: str
) -> None:
    async def send(client: httpx.AsyncClient) -> list[tuple[int, bytes, httpx.Headers]]:
        answers = [await client.request(method, path) for path in PATHS]
        return [(answer.status_code, answer.content, answer.headers) for answer in answers]

    with_lane, without = await sides.ask(send, root_path)
    assert with_lane == without


async def test_a_job_is_enqueued_and_its_status_told(sides: Sides) -> None:
    sent, _ = await sides.ask(lambda client: client.post("/enqueue/", json={}), "/queue")
    task_id = sent.json()["task_id"]
    assert sent.headers["location"] == f"/queue/status/{task_id}"
    sides.producer.finish(task_id, 1)
    answers = await sides.ask(lambda client: client.get(f"/status/{task_id}"))
    assert [answer.json()["result"] for answer in answers] == [1, 1]


@pytest.mark.parametrize(
    ("error", "status"),
    [(StorageUnavailable("away"), 503), (ClientDisconnect(), 400), (KeyError("bug"), 500)],
)
async def test_an_exception_has_the_same_answer(
    sides: Sides, error: Exception, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(sides.producer, "shown", fail)
    with_lane, without = await sides.ask(lambda client: client.get("/status/a"))
    assert with_lane.status_code == without.status_code == status
    assert with_lane.content == without.content
    assert with_lane.headers == without.headers


async def test_requests_are_counted_by_their_routes(sides: Sides) -> None:
    async def send(client: httpx.AsyncClient) -> httpx.Response:
        await client.get("/status/a")
        await client.post("/enqueue/", json={})
        return await client.get("/metrics")

    for answer in await sides.ask(send):
        counted = answer.text
        assert (
            'http_requests_total{method="GET",route="/status/{task_id}",status="200"} 1' in counted
        )
        assert 'http_requests_total{method="POST",route="/enqueue/",status="200"} 1' in counted
