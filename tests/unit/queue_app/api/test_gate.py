import logging

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from queue_app.api import application
from queue_app.api.application import create_app
from queue_app.api.gate import route_path, scope_needed
from queue_app.api.live_response import DIRECT_SEND
from queue_app.api.openapi import OPEN_PATHS
from queue_app.api_keys import digest_of
from queue_app.producer import InMemoryProducer
from queue_app.queue_counts import InMemoryQueueGauge, QueueCounts
from queue_app.rate_limit import RateLimit
from queue_app.services import Services
from queue_app.settings import Settings
from tests.unit.queue_app.api.problem import assert_problem

KEYS = {scope: f"qk_{scope}" for scope in ("enqueue", "read", "admin")}
TASK = "/tasks/nightly-report"


def bearer(scope: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[scope]}"}


@pytest.fixture
def guarded(settings: Settings, producer: InMemoryProducer) -> httpx.AsyncClient:
    entries = " ".join(f"{scope}er:{scope}:{digest_of(key)}" for scope, key in KEYS.items())
    app = create_app(_with(settings, api_keys=entries), producer)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api")


def _with(settings: Settings, **changes: object) -> Settings:
    values = settings.model_dump() | changes
    return Settings.model_validate(values)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/enqueue/", "enqueue"),
        ("POST", "/enqueue/batch", "enqueue"),
        ("DELETE", TASK, "enqueue"),
        ("GET", TASK, "read"),
        ("GET", "/status/a", "read"),
        ("GET", "/metrics", "read"),
        ("GET", "/queue", "read"),
        ("GET", "/nowhere", "read"),
        ("GET", "/dead-letters", "admin"),
        ("POST", "/dead-letters/requeue", "admin"),
        ("DELETE", "/dead-letters/7", "admin"),
    ],
)
async def test_a_request_needs_a_key_with_its_scope(
    guarded: httpx.AsyncClient, method: str, path: str, scope: str
) -> None:
    refused = await guarded.request(method, path)
    assert_problem(refused, 401, "unauthenticated")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    for other in KEYS:
        response = await guarded.request(method, path, headers=bearer(other))
        if other == scope:
            assert response.status_code not in {401, 403}
        else:
            assert_problem(response, 403, "forbidden")


@pytest.mark.parametrize("prefix", ["/api", "/ui", "/problems/of-ours"])
@pytest.mark.parametrize("is_mounted", [False, True])
async def test_behind_a_prefix_a_request_needs_the_same_scope(
    settings: Settings, producer: InMemoryProducer, prefix: str, is_mounted: bool
) -> None:
    app = create_app(_with(settings, api_keys=f"r:read:{digest_of(KEYS['read'])}"), producer)
    transport = httpx.ASGITransport(app=app, root_path=prefix)
    if is_mounted:
        parent = FastAPI()
        parent.mount(prefix, app)
        transport = httpx.ASGITransport(app=parent)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        assert_problem(await client.get(f"{prefix}/status/a"), 401, "unauthenticated")
        client.headers["X-API-Key"] = KEYS["read"]
        assert (await client.get(f"{prefix}/status/a")).status_code == 200
        for method, path in (("GET", "/dead-letters"), ("POST", "/enqueue/"), ("DELETE", TASK)):
            refused = await client.request(method, f"{prefix}{path}")
            assert_problem(refused, 403, "forbidden")


@pytest.mark.parametrize("prefix", ["", "/", "/api", "/api/", "/a", "/api/x"])
@pytest.mark.parametrize("path", ["/", "/x", "/api", "/api/", "/api/x", "/api/x/y", "/apix", "//x"])
def test_the_gate_sees_the_path_that_the_router_sees(path: str, prefix: str) -> None:
    scope = {"type": "http", "method": "GET", "path": path, "root_path": prefix}
    match, found = Route("/{rest:path}", lambda _: None).matches(scope)
    seen = f"/{found['path_params']['rest']}" if match is Match.FULL else ""
    assert route_path(scope) == seen


@pytest.mark.parametrize("path", [*sorted(OPEN_PATHS - {"/favicon.ico"}), "/problems/forbidden"])
async def test_some_paths_need_no_key(guarded: httpx.AsyncClient, path: str) -> None:
    assert (await guarded.get(path)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": KEYS["read"]},
        {"Authorization": f"bearer  {KEYS['read']} "},
    ],
)
async def test_a_key_comes_in_either_header(
    guarded: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    assert (await guarded.get("/status/a", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer qk_wrong"},
        {"Authorization": f"Basic {KEYS['read']}"},
        {"X-API-Key": digest_of(KEYS["read"])},
    ],
)
async def test_a_wrong_key_is_refused_and_not_repeated(
    guarded: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await guarded.get("/status/a", headers=headers)
    problem = assert_problem(response, 401, "unauthenticated")
    is_key = "Basic" not in headers.get("Authorization", "")
    assert (problem["detail"] == "The key is not known.") is is_key
    assert "qk_" not in response.text


async def test_two_callers_may_choose_the_same_idempotency_key(
    settings: Settings, producer: InMemoryProducer
) -> None:
    entries = f"a:enqueue:{digest_of('qk_a')} b:enqueue:{digest_of('qk_b')}"
    app = create_app(_with(settings, api_keys=entries), producer)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        answers = [
            await client.post(
                "/enqueue/", json={}, headers={"X-API-Key": key, "Idempotency-Key": "1"}
            )
            for key in ("qk_a", "qk_b", "qk_a")
        ]
    ids = [answer.json()["task_id"] for answer in answers]
    assert ids[0] == ids[2] != ids[1]


async def test_who_asks_too_often_is_told_when_to_come_again(
    settings: Settings, producer: InMemoryProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        application, "RateLimit", lambda per_second, _: RateLimit(per_second, lambda: 0.0)
    )  # all within a moment, on the slowest machine too
    app = create_app(_with(settings, rate_limit_per_second=0.5), producer)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        assert (await client.get("/status/a")).status_code == 200
        response = await client.get("/status/a")
        assert_problem(response, 429, "too-many-requests")
        assert response.headers["retry-after"] == "2"
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("path", ["/", "/status/a", "/nowhere", "/metrics"])
async def test_every_answer_has_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["content-security-policy"].startswith("default-src 'none';")


async def test_a_refusal_has_them_too(guarded: httpx.AsyncClient) -> None:
    assert (await guarded.get("/status/a")).headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("host", "warnings"), [("127.0.0.1", 0), ("[::1]", 0), ("10.0.0.7", 1), ("192.0.2.1", 1)]
)
async def test_an_open_door_to_the_world_is_said_loudly_and_once(
    app: FastAPI, caplog: pytest.LogCaptureFixture, host: str, warnings: int
) -> None:
    transport = httpx.ASGITransport(app=app)
    with caplog.at_level(logging.WARNING):
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
            await client.get("/")
            await client.get("/")
    assert caplog.text.count("API_KEYS is not set") == warnings


def line(text: str, start: str) -> float:
    (found,) = [one for one in text.splitlines() if one.startswith(start)]
    return float(found.rpartition(" ")[2])


async def test_metrics_count_requests_by_route_and_jobs_by_outcome(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    for path in ("a", "b"):
        await client.get(f"/status/{path}")
    await client.post("/enqueue/", json={})
    await client.post("/enqueue/", json=[])
    await client.post("/enqueue/batch", json=[{}, {}, 1])
    producer.take_down("broker")
    await client.post("/enqueue/", json={})
    await client.get("/nowhere")
    text = (await client.get("/metrics")).text
    requests = 'http_requests_total{method="GET",route="/status/{task_id}",status="200"}'
    assert line(text, requests) == 2
    assert line(text, 'http_requests_total{method="GET",route="none",status="404"}') == 1
    assert line(text, 'queue_app_jobs_total{outcome="accepted"}') == 3
    assert line(text, 'queue_app_jobs_total{outcome="refused"}') == 2
    assert line(text, 'queue_app_jobs_total{outcome="unavailable"}') == 1
    seconds = 'http_request_duration_seconds_count{method="POST",route="/enqueue/"}'
    assert line(text, seconds) == 3


async def test_methods_that_clients_make_up_are_counted_as_one(client: httpx.AsyncClient) -> None:
    for number in range(3):
        await client.request(f"MADE-UP-{number}", "/nowhere")
    text = (await client.get("/metrics")).text
    assert line(text, 'http_requests_total{method="other",route="none",status="404"}') == 3
    assert "MADE-UP" not in text


async def test_answers_that_wait_on_purpose_are_not_timed(client: httpx.AsyncClient) -> None:
    await client.get("/status/a?wait=0")
    text = (await client.get("/metrics")).text
    assert 'http_requests_total{method="GET",route="/status/{task_id}",status="200"} 1' in text
    assert 'duration_seconds_count{method="GET",route="/status/{task_id}"}' not in text


async def test_depths_are_shown_where_they_are_known(
    settings: Settings, producer: InMemoryProducer
) -> None:
    services = Services.in_memory(producer)
    gauge = services.queue
    assert isinstance(gauge, InMemoryQueueGauge)
    app = create_app(settings, services=services)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        assert "queue_app_messages{" not in (await client.get("/metrics")).text
        assert (await client.get("/queue")).json()["active"] is None
        gauge.known = QueueCounts(3, 2, 1)
        text = (await client.get("/metrics")).text
        assert (await client.get("/queue")).json() == {
            "active": 3,
            "scheduled": 2,
            "dead_letter": 1,
        }
    assert line(text, 'queue_app_messages{state="active"}') == 3
    assert line(text, 'queue_app_messages{state="scheduled"}') == 2
    assert line(text, 'queue_app_messages{state="dead_letter"}') == 1


def test_deleting_anything_but_a_letter_is_cancelling() -> None:
    assert scope_needed("DELETE", "/tasks/a") == "enqueue"
    assert scope_needed("DELETE", "/dead-letters/1") == "admin"


async def test_a_request_leaves_nothing_that_only_the_garbage_collector_finds(
    settings: Settings, producer: InMemoryProducer
) -> None:
    app, seen = create_app(settings, producer), []

    async def remembering(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)
        await app(scope, receive, send)

    transport = httpx.ASGITransport(app=remembering)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        assert (await client.get("/")).status_code == 200
    assert DIRECT_SEND not in seen[0]  # refers to the server's side, which refers to the scope
