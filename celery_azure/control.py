"""`celery inspect service_bus`: what has happened between each worker and Service Bus.

Import it where the worker's app is made; and it adds a line to the worker's log at its end.
"""

from __future__ import annotations

from typing import Any

from celery.signals import worker_shutdown
from celery.worker.control import inspect_command
from kombu.log import get_logger

from celery_azure.counts import counts

logger = get_logger(__name__)


@inspect_command()  # type: ignore[untyped-decorator] # celery publishes no types
def service_bus(state: Any) -> dict[str, int]:
    """Count lost locks, tasks done twice for that, failed settlements, lost events."""
    del state
    return dict(counts)


@worker_shutdown.connect  # type: ignore[untyped-decorator] # likewise
def tell_counts(**_: Any) -> None:
    """Log what did not go well, if anything did not."""
    if any(counts.values()):
        told = ", ".join(f"{name}: {count}" for name, count in counts.items() if count)
        logger.warning("Between this worker and Service Bus: %s.", told)
