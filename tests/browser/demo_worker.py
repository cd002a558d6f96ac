"""A worker for the pictures: it logs, reports progress, and waits for a file that a job names."""

import logging
from pathlib import Path
from typing import Any

from celery_azure.blobs import WORKER_PATIENCE, BlobContainer
from celery_azure.logs import LOG_PATIENCE, install_task_logs
from harness.waiting import wait_until
from queue_app.celery_config import create_celery_app
from queue_app.claim_check import ClaimStore
from queue_app.progress import report_progress
from queue_app.settings import Settings
from queue_app.tasks import register_tasks

_log = logging.getLogger("orders")


def work(data: dict[str, Any]) -> dict[str, Any]:
    """Pack an order, as far as it is approved."""
    if "until" in data:
        _log.info("order %s: %d items found", data["order"], len(data["items"]))
        report_progress(6, 10, "packed, not approved yet")
        wait_until(Path(data["until"]).exists, "the approval", timeout=110)
    return {"processed": data}


settings = Settings.load()
app = create_celery_app(settings)
place = settings.blob_account, settings.blob_container_name
install_task_logs(app, BlobContainer(*place, LOG_PATIENCE))
register_tasks(app, ClaimStore(settings, WORKER_PATIENCE), work=work)
