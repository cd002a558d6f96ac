"""A worker whose work reports progress, goes on when a file appears, and counts its questions."""

import logging
from pathlib import Path
from typing import Any

from celery_azure.blobs import WORKER_PATIENCE
from harness.waiting import wait_until
from queue_app.celery_config import create_celery_app
from queue_app.claim_check import ClaimStore
from queue_app.progress import report_progress
from queue_app.result_backend import RecordingBackend
from queue_app.settings import Settings
from queue_app.tasks import register_tasks

_log = logging.getLogger(__name__)

_asked: list[str] = []


class AskedBackend(RecordingBackend):
    """Keeps the ids of the tasks that this process has asked for."""

    def read_meta(self, task_id: str) -> dict[str, Any] | None:
        """Read what is stored, and remember the question."""
        _asked.append(task_id)
        return super().read_meta(task_id)


def work(data: dict[str, Any]) -> int:
    """Report the first half, wait for the file that the job names, and return the whole.

    With `count` there is nothing to do but to say how many questions there were since the last.
    """
    if "count" in data:
        count = len(_asked)
        _asked.clear()
        return count
    _log.info("The work has begun.")
    report_progress(5, 10, "half")
    if "until" in data:
        wait_until(Path(data["until"]).exists, "the file", timeout=60)
    _log.info("The work goes on.")
    return 10


settings = Settings.load()
app = create_celery_app(settings)
app.conf.result_backend = f"{__name__}:{AskedBackend.__name__}"
claims = ClaimStore(settings, WORKER_PATIENCE)
register_tasks(app, claims, work=work, straight_seconds=0.1)
