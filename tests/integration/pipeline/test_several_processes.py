"""Two API processes and two workers side by side: nothing assumes to be the only one."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from harness.live import start_product
from harness.processes import ManagedProcess
from harness.pytest_plugin import RunningApp, ServiceBus
from harness.waiting import wait_until
from tests.integration.jobs import JSON, Client, come_again


@dataclass(frozen=True, slots=True)
class Pair:
    """Two APIs, by their clients; the second API and the second worker log JSON lines."""

    first: Client
    second: Client
    api: ManagedProcess
    worker: ManagedProcess


@pytest.fixture(scope="module")
def pair(
    running_app: RunningApp, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    settings = running_app.settings | {"LOG_FORMAT": "json"}
    folder = tmp_path_factory.mktemp("second")
    options = ("--hostname=celery@second",)
    worker, api, url = start_product(settings, options=options, folder=folder)
    with worker, api, Client(url) as other:
        yield Pair(client, other, api, worker)


def events(client: Client, task_id: str) -> list[str]:
    """The names of all events of a task, until the stream ends."""
    with client.http.stream("GET", f"/status/{task_id}/events") as response:
        return [
            line.removeprefix("event: ")
            for line in response.iter_lines()
            if line.startswith("event: ")
        ]


def later(client: Client, seconds: int) -> str:
    """Enqueue a job that runs in so many seconds; the id of its task."""
    path = f"/enqueue/?delay={seconds}"
    answer = come_again(lambda: client.http.post(path, content=b"{}", headers=JSON))
    return str(answer.json()["task_id"])


def test_an_idempotency_key_gives_one_task_whichever_process_is_asked(pair: Pair) -> None:
    def ask(number: int) -> tuple[str, bool]:
        client = (pair.first, pair.second)[number % 2]
        headers = {**JSON, "Idempotency-Key": '"for-both"'}

        def answer() -> Any:
            response = come_again(
                lambda: client.http.post("/enqueue/", content=b'{"n":1}', headers=headers)
            )
            return None if response.status_code == 409 else response  # another one is at it

        response = wait_until(answer, "an answer that is not 409")
        assert response.status_code == 200, response.text
        return response.json()["task_id"], "idempotency-replayed" in response.headers

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(16)))

    (task_id,) = {task_id for task_id, _ in answers}
    assert [is_replayed for _, is_replayed in answers].count(False) == 1
    assert pair.second.result(task_id) == {"processed": {"n": 1}}
    other = pair.second.http.post(
        "/enqueue/", content=b'{"n":2}', headers={**JSON, "Idempotency-Key": '"for-both"'}
    )
    assert other.status_code == 422


def test_both_workers_work_on_a_batch_that_either_api_tells_of(pair: Pair) -> None:
    seen: set[str] = set()

    def both_have_worked() -> bool:
        body = json.dumps([{"n": number} for number in range(40)]).encode()
        answer = pair.first.http.post("/enqueue/batch", content=body, headers=JSON).json()
        assert answer["accepted"] == 40
        for number, item in enumerate(answer["items"]):
            assert pair.second.result(item["task_id"]) == {"processed": {"n": number}}
        for item in answer["items"]:
            seen.add(pair.second.http.get(f"/tasks/{item['task_id']}").json()["worker"])
        return len(seen) == 2

    wait_until(both_have_worked, "tasks of both workers", timeout=60)
    assert "celery@second" in seen


def test_a_job_is_watched_at_one_api_and_enqueued_at_the_other(pair: Pair) -> None:
    with ThreadPoolExecutor(2) as threads:
        task_id = later(pair.first, 1)
        watched = threads.submit(events, pair.second, task_id)
        waited = threads.submit(pair.second.http.get, f"/status/{task_id}?wait=30")
        assert watched.result(timeout=60)[-1] == "end"
        assert waited.result(timeout=60).json()["status"] == "SUCCESS"


def test_a_job_that_is_cancelled_at_one_api_never_runs_at_any_worker(pair: Pair) -> None:
    def cancelled() -> str | None:
        task_id = later(pair.first, 3)
        answer = pair.second.http.delete(f"/tasks/{task_id}")
        return task_id if answer.status_code == 200 else None  # else the machine was too slow

    task_id = wait_until(cancelled, "a job that is cancelled before it runs")
    pair.first.result(later(pair.first, 3))
    assert pair.first.status(task_id)["result"]["type"] == "TaskRevokedError"
    assert pair.first.http.get(f"/tasks/{task_id}").json()["state"] == "REVOKED"


def test_two_operators_at_two_apis_remove_each_dead_letter_once(
    pair: Pair, running_app: RunningApp, servicebus: ServiceBus
) -> None:
    from azure.servicebus import ServiceBusClient, ServiceBusMessage  # noqa: PLC0415 - once

    queue = running_app.settings["SERVICE_BUS_QUEUE_NAME"]
    with (
        ServiceBusClient.from_connection_string(servicebus.connection_string) as bus,
        bus.get_queue_sender(queue) as sender,
    ):
        sender.send_messages([ServiceBusMessage(f"stranger {n}") for n in range(6)])

    def letters(client: Client) -> list[int]:
        items = client.http.get("/dead-letters").json()["items"]
        return [item["sequence_number"] for item in items]

    buried = wait_until(
        lambda: found if len(found := letters(pair.first)) == 6 else None, "six dead letters"
    )
    assert letters(pair.second) == buried

    def delete(client: Client) -> list[int]:
        body = b'{"all": true}'
        answer = client.http.post("/dead-letters/delete", content=body, headers=JSON)
        assert answer.status_code == 200, answer.text
        done: list[int] = answer.json()["done"]
        return done

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(delete, (pair.first, pair.second))
    assert sorted(first + second) == buried
    assert letters(pair.first) == []


def test_both_processes_tell_in_json_lines_of_which_task_they_speak(pair: Pair) -> None:
    task_id = pair.second.enqueue(b'{"password":"hunter2"}')
    pair.second.result(task_id)
    pair.api.wait_for_line(f"/status/{task_id}")  # what is logged may be read after the answer
    lines = [json.loads(line) for line in pair.api.output.splitlines() if line.startswith("{")]
    told = {line["message"] for line in lines if line.get("task_id") == task_id}
    assert "Enqueued." in told
    assert any("/status/" in message for message in told)
    assert "hunter2" not in pair.api.output

    pair.worker.wait_for_line('"task_id"')
    spoken = [line for line in pair.worker.output.splitlines() if line.startswith("{")]
    assert spoken
    assert all(json.loads(line)["level"] for line in spoken)
    assert any(json.loads(line).get("task_id") for line in spoken)
