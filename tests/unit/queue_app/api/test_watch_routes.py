import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from queue_app.api.application import create_app
from queue_app.blob_store import InMemoryBlobStore
from queue_app.errors import UnreadableRecord
from queue_app.jobs import TaskRecord
from queue_app.producer import InMemoryProducer, Payload
from queue_app.services import Services
from queue_app.settings import Settings
from queue_app.task_logs import log_name
from tests.unit.queue_app.api.eventually import eventually
from tests.unit.queue_app.api.problem import assert_problem

EMPTY = Payload(b"{}", {})


class WatchedProducer(InMemoryProducer):
    """Counts who looks at records."""

    looks = 0

    async def record(self, task_id: str) -> TaskRecord | None:
        record = await super().record(task_id)
        self.looks += 1
        return record

    async def next_look(self) -> None:
        """Wait until whoever looks has seen what is so now, and had a turn to tell it."""
        before = self.looks
        await eventually(lambda: self.looks >= before + 2)


@pytest.fixture
def producer() -> WatchedProducer:
    return WatchedProducer()


@pytest.fixture
def blobs() -> InMemoryBlobStore:
    return InMemoryBlobStore()


@pytest.fixture
def app(settings: Settings, producer: InMemoryProducer, blobs: InMemoryBlobStore) -> FastAPI:
    return create_app(settings, services=Services.in_memory(producer, blobs))


def events(text: str) -> list[tuple[str, Any]]:
    read = []
    for block in text.split("\n\n"):
        fields = dict(
            line.split(": ", 1) for line in block.splitlines() if not line.startswith(":")
        )
        if "event" in fields:
            read.append((fields["event"], json.loads(fields["data"])))
    return read


async def test_a_pending_answer_says_when_to_ask_again_and_a_final_one_does_not(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await producer.enqueue(EMPTY)
    assert (await client.get(f"/status/{task_id}")).headers["retry-after"] == "1"
    assert (await client.get("/status/nobody")).headers["retry-after"] == "5"
    producer.finish(task_id, 1)
    assert "retry-after" not in (await client.get(f"/status/{task_id}")).headers


async def test_an_answer_that_the_client_has_is_not_sent_again(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    path = f"/status/{await producer.enqueue(EMPTY)}"
    etag = (await client.get(path)).headers["etag"]
    again = await client.get(path, headers={"If-None-Match": f'"other", W/{etag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    producer.start(path.rpartition("/")[2])
    changed = await client.get(path, headers={"If-None-Match": etag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != etag


async def test_waiting_ends_with_the_job(
    client: httpx.AsyncClient, producer: WatchedProducer
) -> None:
    task_id = await producer.enqueue(EMPTY)
    waiting = asyncio.create_task(client.get(f"/status/{task_id}?wait=30"))
    await eventually(lambda: producer.looks > 0)
    producer.start(task_id)
    await producer.next_look()
    assert not waiting.done()
    producer.finish(task_id, 7)
    assert (await waiting).json() == {"task_id": task_id, "status": "SUCCESS", "result": 7}


async def test_waiting_with_an_etag_ends_with_any_change(
    client: httpx.AsyncClient, producer: WatchedProducer
) -> None:
    task_id = await producer.enqueue(EMPTY)
    etag = (await client.get(f"/status/{task_id}")).headers["etag"]
    headers = {"If-None-Match": etag}
    waiting = asyncio.create_task(client.get(f"/status/{task_id}?wait=30", headers=headers))
    await eventually(lambda: producer.looks > 1)
    producer.start(task_id)
    assert (await waiting).json()["status"] == "STARTED"


async def test_waiting_for_a_task_that_cannot_be_read_ends_as_asking_for_it_does(
    client: httpx.AsyncClient, producer: WatchedProducer, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_id = await producer.enqueue(EMPTY)
    waiting = asyncio.create_task(client.get(f"/status/{task_id}?wait=30"))
    await eventually(lambda: producer.looks > 0)

    async def fail(_task_id: str) -> None:
        raise UnreadableRecord

    monkeypatch.setattr(producer, "record", fail)
    asked = await client.get(f"/status/{task_id}")
    problem = assert_problem(asked, 500, "internal-error")
    assert problem["detail"] == "What is stored of the task cannot be read."
    assert (await waiting).json() == problem


async def test_waiting_ends_in_time_with_what_is_so_then(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await producer.enqueue(EMPTY)
    response = await client.get(f"/status/{task_id}?wait=0.05")
    assert (response.status_code, response.json()["status"]) == (200, "PENDING")
    etag = {"If-None-Match": response.headers["etag"]}
    assert (await client.get(f"/status/{task_id}?wait=0.05", headers=etag)).status_code == 304


@pytest.mark.parametrize("wait", ["-1", "61", "x", "", "nan", "1e1", "٣"])
async def test_a_wait_that_is_no_number_of_seconds_is_refused(
    client: httpx.AsyncClient, wait: str
) -> None:
    response = await client.get("/status/a", params={"wait": wait})
    problem = assert_problem(response, 422, "invalid-request")
    assert problem["detail"] == "query.wait: a number from 0 to 60 is expected."


async def test_the_events_of_a_job_from_its_start_to_its_end(
    client: httpx.AsyncClient, producer: WatchedProducer, blobs: InMemoryBlobStore
) -> None:
    task_id = await producer.enqueue(EMPTY)
    stream = asyncio.create_task(client.get(f"/status/{task_id}/events"))
    await eventually(lambda: producer.looks > 1)
    producer.start(task_id)
    await producer.next_look()
    producer.advance(task_id, 1, 2, "half")
    blobs.append(log_name(task_id), "one\ntwo é\nlast".encode())
    await producer.next_look()
    producer.finish(task_id, {"a": 1})
    response = await stream
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    said = events(response.text)
    end = {"task_id": task_id, "status": "SUCCESS", "result": {"a": 1}}
    assert [event["status"] for name, event in said if name == "status"] == [
        "PENDING",
        "STARTED",
        "SUCCESS",
    ]
    assert [event for name, event in said if name == "progress"] == [
        {"done": 1, "total": 2, "message": "half"}
    ]
    assert "".join(event["text"] for name, event in said if name == "log") == "one\ntwo é\nlast"
    assert said[-1] == ("end", end)


async def test_a_stream_of_a_job_that_has_ended_tells_its_end_at_once(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await producer.enqueue(EMPTY)
    producer.fail(task_id, ValueError("no"))
    said = events((await client.get(f"/status/{task_id}/events")).text)
    assert [name for name, _ in said] == ["status", "end"]


async def test_a_client_that_comes_back_gets_the_rest_of_the_log(
    client: httpx.AsyncClient, producer: InMemoryProducer, blobs: InMemoryBlobStore
) -> None:
    task_id = await producer.enqueue(EMPTY)
    blobs.put(log_name(task_id), b"one\ntwo\n")
    producer.finish(task_id, None)
    response = await client.get(f"/status/{task_id}/events", headers={"Last-Event-ID": "4"})
    assert ("log", {"text": "two\n", "next": 8}) in events(response.text)
    assert "id: 8\n" in response.text


async def test_a_stream_ends_when_the_service_closes(
    app: FastAPI, client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await producer.enqueue(EMPTY)
    app.state.context.lifecycle.close()
    said = events((await client.get(f"/status/{task_id}/events")).text)
    assert [name for name, _ in said] == ["status"]
    assert (await client.get(f"/status/{task_id}?wait=30")).json()["status"] == "PENDING"


@pytest.mark.parametrize("path", ["events", "logs?follow=true", "?wait=1"])
async def test_more_clients_than_may_are_refused(
    app: FastAPI, client: httpx.AsyncClient, producer: InMemoryProducer, path: str
) -> None:
    task_id = await producer.enqueue(EMPTY)
    app.state.context.lifecycle.streams = app.state.settings.max_streams
    separator = "" if path.startswith("?") else "/"
    problem = assert_problem(
        await client.get(f"/status/{task_id}{separator}{path}"), 503, "too-many-streams"
    )
    assert problem["limit"] == app.state.settings.max_streams


async def test_streams_are_counted_while_they_last(
    app: FastAPI, client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await producer.enqueue(EMPTY)
    stream = asyncio.create_task(client.get(f"/status/{task_id}/events"))
    await eventually(lambda: app.state.context.watcher.tasks == 1)
    assert app.state.context.lifecycle.streams == 1
    producer.finish(task_id, None)
    await stream
    assert (app.state.context.lifecycle.streams, app.state.context.watcher.tasks) == (0, 0)


@pytest.mark.parametrize("path", ["events", "logs", "logs?follow=true"])
async def test_head_of_a_stream_has_no_body_and_ends(
    client: httpx.AsyncClient, producer: InMemoryProducer, path: str
) -> None:
    task_id = await producer.enqueue(EMPTY)
    response = await client.head(f"/status/{task_id}/{path}")
    assert (response.status_code, response.content) == (200, b"")


async def test_without_storage_a_stream_does_not_begin(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    producer.take_down("storage")
    assert_problem(await client.get("/status/a/events"), 503, "storage-unavailable")


async def test_the_whole_log_is_text(
    client: httpx.AsyncClient, producer: InMemoryProducer, blobs: InMemoryBlobStore
) -> None:
    task_id = await producer.enqueue(EMPTY)
    text = "é" * 300_000  # more than one part
    blobs.put(log_name(task_id), text.encode())
    response = await client.get(f"/status/{task_id}/logs")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["accept-ranges"] == "bytes"
    assert response.text == text


async def test_a_task_without_a_log_has_an_empty_one(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    response = await client.get(f"/status/{await producer.enqueue(EMPTY)}/logs")
    assert (response.status_code, response.content) == (200, b"")


async def test_the_log_of_no_task_is_not_found(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/status/nobody/logs"), 404, "task-not-found")


@pytest.mark.parametrize(
    ("wanted", "content", "shown"),
    [
        ("bytes=2-4", b"cde", "bytes 2-4/*"),
        ("bytes=4-", b"efgh", "bytes 4-7/*"),
        ("bytes=6-99", b"gh", "bytes 6-7/*"),
    ],
)
async def test_a_range_of_the_log(
    client: httpx.AsyncClient,
    producer: InMemoryProducer,
    blobs: InMemoryBlobStore,
    wanted: str,
    content: bytes,
    shown: str,
) -> None:
    task_id = await producer.enqueue(EMPTY)
    blobs.put(log_name(task_id), b"abcdefgh")
    response = await client.get(f"/status/{task_id}/logs", headers={"Range": wanted})
    assert (response.status_code, response.content) == (206, content)
    assert response.headers["content-range"] == shown


async def test_a_range_behind_the_end_is_not_satisfiable(
    client: httpx.AsyncClient, producer: InMemoryProducer
) -> None:
    task_id = await producer.enqueue(EMPTY)
    response = await client.get(f"/status/{task_id}/logs", headers={"Range": "bytes=0-"})
    assert_problem(response, 416, "range-not-satisfiable")


@pytest.mark.parametrize("wanted", ["bytes=-4", "bytes=5-2", "lines=1-2", "bytes=0-1,3-4"])
async def test_a_range_of_another_kind_is_ignored(
    client: httpx.AsyncClient, producer: InMemoryProducer, blobs: InMemoryBlobStore, wanted: str
) -> None:
    task_id = await producer.enqueue(EMPTY)
    blobs.put(log_name(task_id), b"abcdefgh")
    response = await client.get(f"/status/{task_id}/logs", headers={"Range": wanted})
    assert (response.status_code, response.content) == (200, b"abcdefgh")


async def test_a_log_is_followed_until_the_task_has_ended(
    client: httpx.AsyncClient, producer: WatchedProducer, blobs: InMemoryBlobStore
) -> None:
    task_id = await producer.enqueue(EMPTY)
    following = asyncio.create_task(client.get(f"/status/{task_id}/logs?follow=true"))
    blobs.append(log_name(task_id), b"one\n")
    await eventually(lambda: producer.looks > 1)
    blobs.append(log_name(task_id), b"two\n")
    producer.finish(task_id, None)
    assert (await following).text == "one\ntwo\n"


async def test_follow_is_yes_or_no(client: httpx.AsyncClient) -> None:
    response = await client.get("/status/a/logs?follow=maybe")
    assert_problem(response, 422, "invalid-request")
