"""What tasks log, from the worker to the blob; and the sweeper that removes it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from celery_azure.blobs import WORKER_PATIENCE, BlobContainer
from celery_azure.connection import parse_blob_account
from celery_azure.logs import read_log
from harness.environment import child_environment
from harness.live import start_worker
from harness.waiting import wait_until
from queue_app.celery_config import create_celery_app
from queue_app.settings import Settings
from tests.integration.pools import POOLS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from celery import Celery

APP = "tests.integration.canvas_app"


@pytest.fixture
def sender(product_settings: dict[str, str]) -> Iterator[Celery]:
    values = {name.lower(): value for name, value in product_settings.items() if value}
    app = create_celery_app(Settings.model_validate(values))
    yield app
    app.backend.close()
    app.close()


@pytest.fixture
def blobs(product_settings: dict[str, str]) -> Iterator[BlobContainer]:
    account = parse_blob_account(product_settings["AZURE_BLOB_CONNECTION_STRING"])
    blobs = BlobContainer(account, product_settings["BLOB_CONTAINER_NAME"], WORKER_PATIENCE)
    yield blobs
    blobs.close()


@pytest.mark.parametrize("pool", POOLS)
def test_the_log_of_a_task_is_read_while_it_runs_and_when_the_worker_has_stopped(
    product_settings: dict[str, str],
    sender: Celery,
    blobs: BlobContainer,
    tmp_path: Path,
    pool: str,
) -> None:
    go_on = tmp_path / "go-on"
    options = (f"--pool={pool}", "--concurrency=2")
    with start_worker(product_settings, app=APP, options=options, folder=tmp_path) as worker:
        result = sender.send_task(f"{APP}.talk", (3, str(go_on)))
        begin, position = wait_until(
            lambda: read if (read := read_log(blobs, result.id))[0] else None, "a log"
        )
        go_on.touch()
        assert result.get(timeout=60, interval=0.05) is None
        worker.terminate()
        assert worker.wait() == 0
    rest, end = read_log(blobs, result.id, position)

    lines = (begin + rest).decode().splitlines()
    assert [line.partition(" ")[2] for line in lines] == [
        "INFO work: line 0",
        "INFO work: line 1",
        "INFO work: line 2",
        "WARNING work: bye: é",
    ]
    assert end == blobs.size(f"logs/{result.id}.log")


def test_the_traceback_of_a_failure_is_in_the_log(
    product_settings: dict[str, str], sender: Celery, blobs: BlobContainer, tmp_path: Path
) -> None:
    with start_worker(product_settings, app=APP, options=("--pool=solo",), folder=tmp_path):
        failed = sender.send_task(f"{APP}.fail")
        quiet = sender.send_task(f"{APP}.add", (1, 2))
        assert quiet.get(timeout=60, interval=0.05) == 3
        text = wait_until(lambda: read_log(blobs, failed.id)[0], "a log").decode()
    assert "ValueError: no luck" in text
    assert "in fail" in text
    assert blobs.size(f"logs/{quiet.id}.log") is None


@pytest.mark.parametrize("hours", ["0.0000001", "1"])
def test_the_sweeper_removes_what_has_expired(
    product_settings: dict[str, str], blobs: BlobContainer, tmp_path: Path, hours: str
) -> None:
    names = ["celery-task-meta-1", "celery-taskset-meta-1", "logs/1.log", "claims/1.json"]
    for name in names:
        blobs.write(name, b"x")

    def is_old() -> bool:  # the service's clock has whole seconds
        done = subprocess.run(
            [sys.executable, "-m", "celery_azure.sweep", "-A", "queue_app.celery_app"],
            env=child_environment(product_settings | {"RESULT_EXPIRES_HOURS": hours}),
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        )
        return hours == "1" or done.stdout.startswith("0 of 0")

    wait_until(is_old, "the end of the results")
    left = [blob.name for page in blobs.pages("") for blob in page.blobs]
    assert left == (["claims/1.json"] if hours != "1" else sorted(names))
