"""A worker whose work fails until a file has as many bytes as the job says."""

from pathlib import Path
from typing import Any

from celery_azure.blobs import WORKER_PATIENCE
from queue_app.celery_config import create_celery_app
from queue_app.claim_check import ClaimStore
from queue_app.retries import RetryPolicy
from queue_app.settings import Settings, TelemetrySettings
from queue_app.task_metrics import TaskMeter
from queue_app.tasks import register_tasks
from queue_app.tracing import start_tracing, trace_tasks
from queue_app.worker_metrics import serve_worker_metrics


def work(data: dict[str, Any]) -> int:
    """Add a byte to the file of the job; fail as long as it has too few."""
    file = Path(data["file"])
    with file.open("ab") as opened:
        opened.write(b".")
    attempt = file.stat().st_size
    if attempt < data["succeeds_at"]:
        raise TimeoutError(f"no answer to question {attempt}")
    return attempt


provider = start_tracing(TelemetrySettings(), "queue-worker")
if provider is not None:
    trace_tasks(provider)
settings = Settings.load()
app = create_celery_app(settings)
meter = TaskMeter()
serve_worker_metrics("127.0.0.1", 0, meter.registry)
register_tasks(
    app,
    ClaimStore(settings, WORKER_PATIENCE),
    work=work,
    retries=RetryPolicy(attempts=3, first_seconds=0.1),
    meter=meter,
)
