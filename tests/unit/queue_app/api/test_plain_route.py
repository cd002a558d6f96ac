import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import PlainTextResponse, Response

from queue_app.api.plain_route import PlainRoute


async def test_the_endpoint_gets_the_request_and_its_response_is_the_answer() -> None:
    router = APIRouter(route_class=PlainRoute)

    @router.get("/things/{name}")  # noqa: FAST003 - read by hand
    async def show(request: Request) -> Response:
        return PlainTextResponse(request.path_params["name"], 201)

    transport = httpx.ASGITransport(app=FastAPI(routes=list(router.routes)))
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        answer = await client.get("/things/tea")
    assert (answer.status_code, answer.text) == (201, "tea")


def test_an_endpoint_that_wants_more_than_the_request_is_refused() -> None:
    router = APIRouter(route_class=PlainRoute)

    async def show(request: Request, name: str) -> Response:
        return PlainTextResponse(name)

    with pytest.raises(TypeError, match="show takes more than the request"):
        router.get("/things/{name}")(show)


def test_the_busiest_endpoints_are_tried_first(app: FastAPI) -> None:
    first = [route.path for route in app.routes[:2] if isinstance(route, PlainRoute)]
    assert first == ["/enqueue/", "/status/{task_id}"]
