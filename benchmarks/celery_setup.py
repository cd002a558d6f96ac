"""The Celery app of a contender: the same for all but for the broker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from celery import Celery

from benchmarks.stopwatch import record
from celery_azure.serializer import NAME as PLAIN_JSON
from celery_azure.serializer import register_plain_json
from queue_app.jobs import TASK_NAME

if TYPE_CHECKING:
    from benchmarks.brokers import Broker


def create_app(broker: Broker, queue: str) -> Celery:
    """Build an app with tasks that do nothing but tell their start; acknowledged late.

    `benchmarks.noop` has no result; the product's task, for what the API sends, has one where the
    broker's settings name a result backend. Celery's defaults are kept otherwise, among them the
    prefetch multiplier of four.
    """
    register_plain_json()
    app = Celery("benchmarks", set_as_current=False)
    app.conf.update(
        task_default_queue=queue,
        task_acks_late=True,
        accept_content=["json", PLAIN_JSON],
        broker_connection_retry_on_startup=True,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        **broker.settings,
    )
    for name in ("azure", "azure.servicebus", "azure.servicebus._pyamqp", "uamqp"):
        logging.getLogger(name).setLevel(logging.ERROR)

    @app.task(name="benchmarks.noop", ignore_result=True)  # type: ignore[untyped-decorator] # celery has no types
    def noop(path: str, number: int) -> None:
        record(path, number)

    @app.task(name=TASK_NAME)  # type: ignore[untyped-decorator]
    def process(payload: dict[str, Any]) -> dict[str, Any]:
        if "path" in payload:
            record(payload["path"], payload["number"])
        return {"processed": payload}

    return app
