"""Cancelling a job that runs, where workers can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery_azure.blobs import WORKER_PATIENCE, BlobContainer
from celery_azure.connection import parse_blob_account
from harness.live import start_api, start_worker
from harness.processes import start_both
from harness.waiting import wait_until
from tests.integration.jobs import Client
from tests.property.strategies import body_of_size

if TYPE_CHECKING:
    from pathlib import Path

LONG = "600"  # seconds: as good as for ever


def test_a_running_job_is_stopped_and_its_worker_goes_on(
    product_settings: dict[str, str], tmp_path: Path
) -> None:
    settings = product_settings | {"REMOTE_CONTROL": "true"}
    slow = settings | {"PROCESSING_DELAY_SECONDS": LONG}
    account = parse_blob_account(settings["AZURE_BLOB_CONNECTION_STRING"])
    blobs = BlobContainer(account, settings["BLOB_CONTAINER_NAME"], WORKER_PATIENCE)
    options = ("--pool=prefork", "--concurrency=1")
    (worker, _), (api, url) = start_both(
        lambda: (start_worker(slow, options=options, folder=tmp_path), None),
        lambda: start_api(settings, folder=tmp_path),
    )
    with api, worker, Client(url) as client:
        jobs = [client.enqueue(body_of_size(262_144)), client.enqueue(b"{}")]
        for task_id in jobs:  # the second shows that the first has left its process
            client.wait_for(task_id, "STARTED")

            assert task_id != jobs[0] or blobs.read(f"claims/{task_id}.json") is not None
            stopping = client.http.delete(f"/tasks/{task_id}")

            assert stopping.status_code == 202, stopping.text
            answer = client.wait_for(task_id, "FAILURE")
            assert answer["result"] == {"type": "TaskRevokedError", "message": "terminated"}
            task = client.http.get(f"/tasks/{task_id}").json()
            assert task["state"] == "REVOKED"
            assert client.http.delete(f"/tasks/{task_id}").status_code == 200

        wait_until(lambda: client.http.get("/queue").json()["active"] == 0, "an empty queue")
        assert client.http.get("/queue").json()["dead_letter"] == 0
        received = wait_until(
            lambda: found if (found := worker.output.count("] received")) >= 2 else None,
            "the worker's word of both",
        )
        assert received == 2
        wait_until(lambda: blobs.read(f"claims/{jobs[0]}.json") is None, "the claim's end")
    blobs.close()
