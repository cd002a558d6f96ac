"""What requests need, in one place on the application."""

from dataclasses import dataclass
from typing import cast

from fastapi import Request

from queue_app.api.lifecycle import Lifecycle
from queue_app.api.metrics import Metrics
from queue_app.api.task_feed import TaskFeeds
from queue_app.idempotency import IdempotentProducer
from queue_app.services import Services
from queue_app.settings import Settings
from queue_app.task_logs import TaskLogs
from queue_app.watching import Watcher


@dataclass(frozen=True, slots=True)
class Context:
    """The application's settings, its services, and what lives as long as they do."""

    settings: Settings
    services: Services
    lifecycle: Lifecycle
    watcher: Watcher
    feeds: TaskFeeds
    idempotent: IdempotentProducer
    metrics: Metrics


def make_context(
    settings: Settings, services: Services, lifecycle: Lifecycle, metrics: Metrics
) -> Context:
    """Put together what requests need."""
    watcher = Watcher(services.producer, services.changes)
    return Context(
        settings,
        services,
        lifecycle,
        watcher,
        TaskFeeds(watcher, TaskLogs(services.blobs), lifecycle),
        IdempotentProducer(
            services.producer,
            services.blobs,
            services.now,
            settings.idempotency_hours * 3600.0,
        ),
        metrics,
    )


def context_of(request: Request) -> Context:
    """The context of the application that serves the request."""
    return cast("Context", request.scope["app"].state.context)
