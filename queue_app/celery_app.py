"""The worker's composition root: `celery -A queue_app.celery_app worker --loglevel=info`.

Importing this module reads no environment; asking for its attribute `app` does.
"""

import logging
import sys

from celery import Celery, current_task, signals

import celery_azure.control  # noqa: F401 - adds `celery inspect service_bus`
from celery_azure.blobs import WORKER_PATIENCE, BlobContainer
from celery_azure.logs import LOG_PATIENCE, install_task_logs
from celery_azure.tracing import current_trace

try:
    from queue_app.settings import Settings, TelemetrySettings
    from queue_app.task_metrics import TaskMeter
except ModuleNotFoundError as missing:  # Celery would show a traceback
    raise SystemExit(
        f"The worker needs {missing.name}, of the extra `service`: pip install '.[service]'"
    ) from None

from queue_app import idempotency
from queue_app.celery_config import create_celery_app
from queue_app.claim_check import ClaimStore
from queue_app.errors import SettingsError
from queue_app.json_logs import JsonFormatter, use_json
from queue_app.retries import RetryPolicy
from queue_app.tasks import register_tasks
from queue_app.tracing import start_tracing, trace_tasks
from queue_app.worker_metrics import serve_worker_metrics

_MOST_STRAIGHT_SECONDS = 0.1
"""A wish to cancel that comes in the moment before STARTED is stored, or in this one before the
start, comes too late (docs/http-api.md)."""


def create_worker_app(settings: Settings, platform: str = sys.platform) -> Celery:
    """Build the worker's app, with its task."""
    app = create_celery_app(settings)
    # Celery's own choice, prefork, does not work on Windows.
    app.conf.worker_pool = "threads" if platform == "win32" else "celery_azure.prefork:TaskPool"
    app.conf.result_backend_transport_options["also_expire"] = {
        idempotency.PREFIX: settings.idempotency_hours * 3600
    }
    if settings.task_logs:
        place = settings.blob_account, settings.blob_container_name
        install_task_logs(app, BlobContainer(*place, LOG_PATIENCE))
    if settings.log_format == "json":
        signals.after_setup_logger.connect(_log_json)
        signals.after_setup_task_logger.connect(_log_json)
    meter = None
    if settings.worker_metrics_port is not None:
        meter = TaskMeter()
        serve_worker_metrics(
            settings.worker_metrics_host, settings.worker_metrics_port, meter.registry
        )
    claims = ClaimStore(settings, WORKER_PATIENCE)
    retries = RetryPolicy(
        settings.task_attempts, settings.retry_first_seconds, settings.retry_longest_seconds
    )
    register_tasks(
        app,
        claims,
        delay_seconds=settings.processing_delay_seconds,
        retries=retries,
        meter=meter,
        straight_seconds=min(settings.started_after_seconds, _MOST_STRAIGHT_SECONDS),
    )
    return app


def _log_json(logger: logging.Logger, **_: object) -> None:
    use_json([logger], JsonFormatter(_running_task))


def _running_task() -> dict[str, str]:
    """The task that runs in this thread, and its trace."""
    request = current_task.request if current_task else None
    return current_trace() | ({"task_id": request.id} if request and request.id else {})


def __getattr__(name: str) -> Celery:
    """Make the worker's app when Celery's command line looks for it."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        settings = Settings.load()
        provider = start_tracing(TelemetrySettings(), "queue-worker")
        if provider is not None:
            trace_tasks(provider)
        app = create_worker_app(settings)
    except SettingsError as error:
        raise SystemExit(str(error)) from None
    globals()[name] = app  # the same app from now on
    return app
