"""Both clients against the real application, without a network."""

import ast
import re
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI

from queue_app.api.application import create_app
from queue_app.client import ApiError, AsyncQueueClient, Event, Job, QueueClient
from queue_app.client.answers import EventReader, may_try_again, pause
from queue_app.dead_letters import InMemoryDeadLetters
from queue_app.producer import InMemoryProducer
from queue_app.services import Services
from queue_app.settings import Settings
from tests.unit.queue_app.api.eventually import eventually

ROOM = Path(__file__).parents[4] / "queue_app" / "client"
BLOCKING = [
    ("Async(?=QueueClient)", ""),
    ("AsyncIterator", "Iterator"),
    ("AsyncBaseTransport", "BaseTransport"),
    ("httpx.AsyncClient", "httpx.Client"),
    ("__aenter__", "__enter__"),
    ("__aexit__", "__exit__"),
    ("asyncio", "time"),
    ("asynchronous", "blocking"),
    ("several tasks", "several threads"),
    (r"\ba(close|read|iter_text|iter_lines)\b", r"\1"),
    (r"for (\w+) in (response.iter_text\(\)|page\[\"items\"\]):\s+yield \1", r"yield from \2"),
    (r"\b(async|await) ", ""),
]


@pytest.fixture
def settings() -> Settings:
    return Settings.model_validate(
        {
            "service_bus_key_name": "name",
            "service_bus_key": "key",
            "service_bus_namespace": "localhost:5672",
            "service_bus_queue_name": "jobs",
            "azure_blob_connection_string": "https://account.blob.core.windows.net",
        }
    )


@pytest.fixture
def producer() -> InMemoryProducer:
    return InMemoryProducer()


@pytest.fixture
def app(settings: Settings, producer: InMemoryProducer) -> FastAPI:
    return create_app(settings, services=Services.in_memory(producer))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[AsyncQueueClient]:
    transport = httpx.ASGITransport(app=app)
    async with AsyncQueueClient("http://api", transport=transport) as client:
        yield client


def test_the_blocking_client_is_the_asynchronous_one_in_other_words() -> None:
    text = (ROOM / "asynchronous.py").read_text()
    for word, other in BLOCKING:
        text = re.sub(word, other, text)
    blocking = (ROOM / "synchronous.py").read_text()
    assert _definitions(text) == _definitions(blocking)


def _definitions(text: str) -> list[str]:
    """Classes and functions; imports are in another order."""
    kinds = (ast.ClassDef, ast.FunctionDef)
    return [ast.dump(node) for node in ast.parse(text).body if isinstance(node, kinds)]


async def test_a_job_from_its_start_to_its_end(
    client: AsyncQueueClient, producer: InMemoryProducer
) -> None:
    task_id = await client.enqueue({"a": 1})
    assert producer.payloads[task_id].data == {"a": 1}
    assert await client.status(task_id) == Job(task_id, "PENDING")
    producer.finish(task_id, [1])
    assert await client.wait(task_id) == Job(task_id, "SUCCESS", [1])
    view = await client.task(task_id)
    assert (view.state, view.members["attempts"]) == ("SUCCESS", 1)


async def test_events_come_up_to_the_end(
    client: AsyncQueueClient, producer: InMemoryProducer
) -> None:
    task_id = await client.enqueue({})
    producer.fail(task_id, ValueError("no"))
    names = [event.name async for event in client.events(task_id)]
    assert names == ["status", "end"]


async def test_many_jobs_have_an_outcome_each(client: AsyncQueueClient) -> None:
    first, second = await client.enqueue_many([{"a": 1}, [1]])  # type: ignore[list-item]
    assert isinstance(first, str)
    assert isinstance(second, ApiError)
    assert (second.status, second.name) == (422, "not-an-object")


async def test_a_problem_is_an_error_with_its_name(client: AsyncQueueClient) -> None:
    with pytest.raises(ApiError, match="404: There is no task") as caught:
        await client.task("nobody")
    assert caught.value.name == "task-not-found"


async def test_a_task_is_cancelled(client: AsyncQueueClient) -> None:
    assert (await client.cancel(await client.enqueue({}))).state == "REVOKED"


async def test_dead_letters_are_listed_shown_requeued_and_deleted(
    client: AsyncQueueClient, app: FastAPI, producer: InMemoryProducer
) -> None:
    letters = app.state.context.services.dead_letters
    assert isinstance(letters, InMemoryDeadLetters)
    for _ in range(3):
        task_id = await client.enqueue({"a": 1})
        letters.bury(task_id, producer.payloads[task_id])
    assert [letter["sequence_number"] async for letter in client.dead_letters()] == [1, 2, 3]
    assert (await client.dead_letter(2))["payload"] == {"a": 1}
    assert (await client.requeue([1, 9])).missing == [9]
    assert (await client.delete_dead_letters(None)).done == [2, 3]
    assert await client.queue() == {"active": None, "scheduled": None, "dead_letter": None}


async def test_the_log_comes_in_pieces(
    client: AsyncQueueClient, app: FastAPI, producer: InMemoryProducer
) -> None:
    task_id = await client.enqueue({})
    app.state.context.services.blobs.put(f"logs/{task_id}.log", b"one\ntwo\n")
    producer.finish(task_id, None)
    assert "".join([text async for text in client.log(task_id, follow=True)]) == "one\ntwo\n"
    await eventually(lambda: app.state.context.lifecycle.streams == 0)


class Flaky(httpx.BaseTransport):
    """Answers from a script."""

    def __init__(self, *answers: httpx.Response | httpx.TransportError) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Those that the blocking client makes, in no time."""
    made: list[float] = []
    clock = SimpleNamespace(sleep=made.append)
    monkeypatch.setattr("queue_app.client.synchronous.time", clock)
    return made


def away() -> httpx.Response:
    return httpx.Response(503, headers={"Retry-After": "0"}, json={"detail": "away"})


def test_an_enqueue_is_tried_again_with_the_same_key(pauses: list[float]) -> None:
    transport = Flaky(httpx.ConnectError("no"), away(), httpx.Response(200, json={"task_id": "t"}))
    with QueueClient("http://api", transport=transport, key="qk_secret") as client:
        assert client.enqueue({"a": "é"}, idempotency_key="k") == "t"
    assert len(transport.requests) == 3
    assert pauses == [0.5, 0.0]
    assert {request.headers["idempotency-key"] for request in transport.requests} == {"k"}
    assert {request.headers["authorization"] for request in transport.requests} == {
        "Bearer qk_secret"
    }


def test_an_enqueue_without_a_key_is_tried_once() -> None:
    transport = Flaky(away(), away())
    client = QueueClient("http://api", transport=transport)
    with pytest.raises(ApiError, match="503: away"):
        client.enqueue({}, idempotency_key=None)
    assert len(transport.requests) == 1


def test_what_is_refused_for_good_is_not_tried_again() -> None:
    transport = Flaky(httpx.Response(422, json={"type": "/problems/not-an-object"}))
    with pytest.raises(ApiError):
        QueueClient("http://api", transport=transport).enqueue({})


@pytest.mark.usefixtures("pauses")
def test_a_stream_that_breaks_off_goes_on_behind_the_last_event() -> None:
    first = 'event: log\nid: 4\ndata: {"text":"one\\n","next":4}\n\n'
    last = 'event: end\ndata: {"task_id":"t","status":"SUCCESS","result":1}\n\n'
    transport = Flaky(httpx.Response(200, text=first), httpx.Response(200, text=last))
    names = [event.name for event in QueueClient("http://api", transport=transport).events("t")]
    assert names == ["log", "end"]
    assert transport.requests[1].headers["last-event-id"] == "4"


@pytest.mark.usefixtures("pauses")
def test_an_event_that_was_cut_off_comes_whole_on_the_next_stream() -> None:
    cut = 'event: log\nid: 4\ndata: {"text":"one\\n","next":4}\n\nevent: log\nid: 8\ndata: {"te'
    last = 'event: end\ndata: {"task_id":"t","status":"SUCCESS","result":1}\n\n'
    transport = Flaky(httpx.Response(200, text=cut), httpx.Response(200, text=last))
    names = [event.name for event in QueueClient("http://api", transport=transport).events("t")]
    assert names == ["log", "end"]
    assert transport.requests[1].headers["last-event-id"] == "4"


def test_an_answer_of_a_proxy_is_an_error_too() -> None:
    transport = Flaky(httpx.Response(404, text="<h1>no</h1>"))
    with pytest.raises(ApiError, match="404: an answer of another kind"):
        QueueClient("http://api", transport=transport).status("t")


def test_events_are_read_as_the_specification_says() -> None:
    reader = EventReader()
    lines = [": comment", "retry: 10", "event:a", 'data:{"x":', "data: 1}", "id: 7", ""]
    events = [event for event in map(reader.feed, lines) if event is not None]
    assert events == [Event("a", {"x": 1})]
    assert reader.last_id == "7"


def test_pauses_grow_unless_the_api_says_how_long() -> None:
    assert [pause(failures, None) for failures in (1, 2, 20)] == [0.5, 1.0, 30.0]
    assert pause(1, 3.0) == 3.0
    assert may_try_again(httpx.ReadTimeout("slow"))
    assert not may_try_again(ApiError(422, {}, None))
