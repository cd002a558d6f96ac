"""How Celery is set up: what the API, which sends, and the worker, which runs, have in common."""

import logging
from datetime import timedelta
from typing import Any

from celery import Celery

# By name in the configuration, but imported here: a worker forgets the folder it was started in.
import celery_azure.transport
import queue_app.result_backend
from celery_azure.blobs import WORKER_PATIENCE, Patience
from celery_azure.serializer import NAME as PLAIN_JSON
from celery_azure.serializer import register_plain_json
from queue_app.settings import Settings

LOCK_SECONDS = 60


def create_celery_app(
    settings: Settings,
    *,
    patience: Patience = WORKER_PATIENCE,
    transport_options: dict[str, Any] | None = None,
) -> Celery:
    """Build an app, without tasks, that sends to and consumes from the queue of the settings.

    Args:
        settings: where broker and storage are.
        patience: how long to wait for the storage.
        transport_options: what differs from a worker's `broker_transport_options`.
    """
    register_plain_json()
    app = Celery("queue_app", set_as_current=False)
    app.conf.update(
        broker_url=settings.service_bus_endpoint.broker_url,
        broker_transport=f"{celery_azure.transport.__name__}:Transport",
        broker_transport_options={
            "admin_port": settings.service_bus_admin_port,
            "lock_seconds": LOCK_SECONDS,
            "fanout": settings.remote_control,
            **(transport_options or {}),
        },
        broker_connection_retry_on_startup=True,
        # kombu's connections share one socket. A remote control command holds two of them, so that
        # a small pool is a deadlock for those who send many at once.
        broker_pool_limit=50,
        result_backend=f"{queue_app.result_backend.__name__}:RecordingBackend",
        result_backend_transport_options={
            "account": settings.blob_account,
            "container": settings.blob_container_name,
            "patience": patience,
            "started_after": settings.started_after_seconds,
            "tell_changes": settings.tell_changes,
        },
        result_expires=timedelta(hours=settings.result_expires_hours),
        task_default_queue=settings.service_bus_queue_name,
        task_serializer=PLAIN_JSON,
        result_serializer=PLAIN_JSON,
        accept_content=[PLAIN_JSON],
        # Nothing is acknowledged before it is done, and nothing is held that cannot be begun.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_track_started=True,
        # Several systems may share a namespace: each has its own topics.
        worker_enable_remote_control=settings.remote_control,
        control_exchange=settings.service_bus_queue_name,
        event_exchange=f"{settings.service_bus_queue_name}.events",
        worker_send_task_events=False,
        task_send_sent_event=False,
    )
    for name in ("azure", "azure.identity", "uamqp"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # The client logs each lost connection at length; the transport says it in a line.
    logging.getLogger("azure.servicebus").setLevel(logging.CRITICAL)
    return app
