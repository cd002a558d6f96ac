"""What a worker counts, for Prometheus: its tasks, and what went wrong with Service Bus."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from celery import signals
from celery.worker import state
from prometheus_client import start_http_server
from prometheus_client.metrics_core import CounterMetricFamily
from prometheus_client.registry import Collector

from celery_azure.counts import (
    DUPLICATES,
    FAILED_SETTLEMENTS,
    LOST_EVENTS,
    LOST_LOCKS,
    UNCONFIRMED_SETTLEMENTS,
    counts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import CollectorRegistry

logger = logging.getLogger(__name__)

_COUNTERS = {
    LOST_LOCKS: "Locks that were lost while their messages were held.",
    DUPLICATES: "Tasks that were done although their lock was lost, so done twice.",
    FAILED_SETTLEMENTS: "Settlements that the broker did not take.",
    UNCONFIRMED_SETTLEMENTS: "Settlements whose answer got lost.",
    LOST_EVENTS: "Events that the broker did not take in time.",
}


class WorkerCollector(Collector):
    """Reads what the worker's main process counts."""

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Every counter as it is now."""
        for name, text in _COUNTERS.items():
            label = f"queue_app_worker_{name.replace(' ', '_')}"
            yield CounterMetricFamily(label, text, value=counts[name])
        tasks = CounterMetricFamily(
            "queue_app_worker_tasks", "Tasks that the worker has begun.", labels=["task"]
        )
        for task, count in tuple(state.total_count.items()):
            tasks.add_metric([task], count)
        yield tasks


def serve_worker_metrics(host: str, port: int, registry: CollectorRegistry) -> None:
    """Serve `/metrics` from the moment at which the worker is ready.

    A port that is taken is told, and no reason for the worker not to work.

    Args:
        host: the address to listen on.
        port: its port; 0 for a free one.
        registry: what the worker's tasks are measured with.
    """
    registry.register(WorkerCollector())

    def serve(**_: Any) -> None:
        try:
            server, _thread = start_http_server(port, host, registry)
        except OSError as error:
            logger.warning("No metrics are served on %s:%d: %s", host, port, error)
            return
        logger.info("Metrics are served on http://%s:%d/metrics", host, server.server_port)

    signals.worker_ready.connect(serve, weak=False)
