"""Jobs that fail, are tried again, and are given up."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.live import start_product
from harness.processes import ManagedProcess
from harness.waiting import wait_until
from queue_app.jobs import TASK_NAME
from tests.integration.jobs import JSON, Client

APP = "tests.integration.pipeline.flaky_worker"


@pytest.fixture
def system(
    product_settings: dict[str, str], tmp_path: Path
) -> Iterator[tuple[Client, ManagedProcess]]:
    worker, api, url = start_product(product_settings, app=APP, folder=tmp_path)
    with worker, api, Client(url) as client:
        yield client, worker


def measured(worker: ManagedProcess) -> set[str]:
    """The lines that Prometheus would read."""
    served = worker.wait_for_line(r"Metrics are served on (http://127\.0\.0\.1:\d+/metrics)")
    return set(httpx.get(served.group(1), trust_env=False).text.splitlines())


def dead_letters(client: Client) -> list[dict[str, Any]]:
    letters: list[dict[str, Any]] = client.http.get("/dead-letters").json()["items"]
    return letters


def test_a_job_is_tried_again_and_kept_with_its_last_error_when_it_is_given_up(
    system: tuple[Client, ManagedProcess], tmp_path: Path
) -> None:
    client, worker = system

    def enqueue(name: str, succeeds_at: int, size: int = 0) -> str:
        job = {"file": str(tmp_path / name), "succeeds_at": succeeds_at, "padding": "x" * size}
        return client.enqueue(json.dumps(job).encode())

    lucky = enqueue("lucky", 3)
    unlucky = enqueue("unlucky", 5, size=260_000)  # it travels by claim

    assert client.result(lucky) == 3
    task = client.http.get(f"/tasks/{lucky}").json()
    assert (task["state"], task["attempts"]) == ("SUCCESS", 3)

    failure = client.wait_for(unlucky, "FAILURE")["result"]
    assert failure == {"type": "TimeoutError", "message": "no answer to question 3"}
    (letter,) = wait_until(lambda: dead_letters(client), "the dead letter")
    assert letter["task_id"] == unlucky
    assert letter["reason"] == "GaveUp"
    assert letter["description"] == "TimeoutError: no answer to question 3 (attempt 3)"

    client.http.post("/dead-letters/requeue", content=b'{"all": true}', headers=JSON)
    assert client.wait_for(unlucky, "SUCCESS")["result"] == 5
    assert client.http.get(f"/tasks/{unlucky}").json()["attempts"] == 2
    assert dead_letters(client) == []

    name = f'task="{TASK_NAME}"'
    states = {"started": 8, "retried": 5, "succeeded": 2, "failed": 1}
    wanted = {
        f'queue_app_worker_task_states_total{{state="{state}",{name}}} {count}.0'
        for state, count in states.items()
    }
    wanted |= {
        f"queue_app_worker_task_run_seconds_count{{{name}}} 8.0",
        f"queue_app_worker_task_wait_seconds_count{{{name}}} 8.0",
    }
    wait_until(lambda: wanted <= measured(worker), "the metrics of all attempts", 30)
