"""A lock that is lost while a task runs, in each pool."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.endpoints import Endpoints
from servicebus_emulator import ThreadedEmulator
from tests.integration.canvas import running_canvas

if TYPE_CHECKING:
    from pathlib import Path

    from harness.pytest_plugin import BlobStorage

QUEUE = "jobs"


@pytest.mark.embedded_only
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_task_finds_out_that_its_lock_was_lost_and_leaves_the_work_to_the_next(
    blob_storage: BlobStorage, tmp_path: Path, pool: str
) -> None:
    with ThreadedEmulator() as emulator:
        emulator.create_queue(QUEUE, lock_duration=4.0)
        account, port = blob_storage.connection_string, emulator.port
        place = Endpoints(
            f"127.0.0.1:{port}", port, "RootManageSharedAccessKey", "SAS_KEY_VALUE", account
        )
        settings = place.settings(QUEUE, blob_storage.unique_container())
        options = (f"--pool={pool}", "--concurrency=2")
        with running_canvas(settings, tmp_path, *options) as canvas:
            result = canvas.tasks.hold.delay()
            canvas.worker.wait_for_line(f"hold.{result.id}. received")

            with emulator.control.fault("now", "lose-lock", entity=QUEUE, times=1):
                canvas.worker.wait_for_line(f"The lock of .*hold.{result.id}. is lost")
                canvas.worker.wait_for_line("The lock is lost")

            assert result.get(timeout=60, interval=0.05) == "done by the next"
            canvas.worker.terminate()
            canvas.worker.wait_for_line(r"Between this worker and Service Bus: lost locks: 1")
            assert "duplicates" not in canvas.worker.output
