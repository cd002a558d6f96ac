"""A worker whose work always fails, in the way that the job says."""

from typing import Any, NoReturn

from celery_azure.blobs import WORKER_PATIENCE
from queue_app.celery_config import create_celery_app
from queue_app.claim_check import ClaimStore
from queue_app.settings import Settings
from queue_app.tasks import register_tasks


def fail(data: dict[str, Any]) -> NoReturn:
    """Raise what the job says."""
    raise ValueError(data["say"])


settings = Settings.load()
app = create_celery_app(settings)
register_tasks(app, ClaimStore(settings, WORKER_PATIENCE), work=fail)
