"""Clients that wait for a job of a real worker."""

import json
from pathlib import Path
from typing import Any

import httpx

from harness.live import start_api, start_worker
from tests.integration.jobs import Client

APP = "tests.integration.pipeline.reporting_worker"


def _events(response: httpx.Response) -> Any:
    name = ""
    for line in response.iter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def test_events_tell_a_job_from_waiting_to_its_end(
    product_settings: dict[str, str], tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    api, url = start_api(product_settings, folder=tmp_path)
    with api, Client(url) as client:
        task_id = client.enqueue(json.dumps({"until": str(go_on)}).encode())
        with client.http.stream("GET", f"/status/{task_id}/events") as response:
            events = _events(response)
            assert next(events) == (
                "status",
                {"task_id": task_id, "status": "PENDING", "result": None},
            )
            with start_worker(product_settings, app=APP, folder=tmp_path):
                name, started = next(events)
                assert (name, started["status"]) == ("status", "STARTED")
                while (event := next(events))[0] != "progress":
                    assert event[0] == "log"
                assert event[1] == {"done": 5, "total": 10, "message": "half"}
                go_on.touch()
                rest = [event for event in events if event[0] != "log"]
        end = {"task_id": task_id, "status": "SUCCESS", "result": 10}
        assert rest == [("status", end), ("end", end)]
        assert client.http.get(f"/status/{task_id}?wait=30").json() == end
        task = client.http.get(f"/tasks/{task_id}").json()
        assert (task["state"], task["attempts"]) == ("SUCCESS", 1)
        assert task["enqueued_at"][:19] <= task["started_at"][:19] <= task["ended_at"][:19]


def test_an_api_that_is_asked_to_stop_lets_go_of_those_who_wait(
    product_settings: dict[str, str], tmp_path: Path
) -> None:
    api, url = start_api(product_settings, folder=tmp_path)
    with api, Client(url) as client:
        task_id = client.enqueue(b"{}")
        with client.http.stream("GET", f"/status/{task_id}/events") as response:
            events = _events(response)
            next(events)
            api.terminate()
            assert list(events) == []
        api.wait()
        assert "Traceback" not in api.output
