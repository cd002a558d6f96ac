"""A worker whose work reports progress, and goes on when a file appears."""

import logging
from pathlib import Path
from typing import Any

from celery_azure.blobs import WORKER_PATIENCE
from harness.waiting import wait_until
from queue_app.celery_config import create_celery_app
from queue_app.claim_check import ClaimStore
from queue_app.progress import report_progress
from queue_app.settings import Settings
from queue_app.tasks import register_tasks

_log = logging.getLogger(__name__)


def work(data: dict[str, Any]) -> int:
    """Report the first half, wait for the file that the job names, and return the whole."""
    _log.info("The work has begun.")
    report_progress(5, 10, "half")
    if "until" in data:
        wait_until(Path(data["until"]).exists, "the file", timeout=60)
    _log.info("The work goes on.")
    return 10


settings = Settings.load()
app = create_celery_app(settings)
register_tasks(app, ClaimStore(settings, WORKER_PATIENCE), work=work, straight_seconds=0.1)
