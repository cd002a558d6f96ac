"""The application factory."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from fastapi import FastAPI

from queue_app.api import (
    batch_routes,
    dead_letter_routes,
    exception_handlers,
    openapi,
    operations_routes,
    routes,
    task_routes,
    ui_routes,
    watch_routes,
)
from queue_app.api.context import make_context
from queue_app.api.gate import Gate
from queue_app.api.head import HeadAsGet
from queue_app.api.lane import Lane
from queue_app.api.lifecycle import Lifecycle
from queue_app.api.metrics import Metrics
from queue_app.api.plain_route import PlainRoute
from queue_app.producer import Producer
from queue_app.rate_limit import RateLimit
from queue_app.services import Services
from queue_app.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

_FLUSH_MILLISECONDS = 3000
_UNTRACED = frozenset({"/healthz", "/readyz", "/metrics"})  # asked all the time, by machines


def create_app(
    settings: Settings,
    producer: Producer | None = None,
    *,
    services: Services | None = None,
    tracer_provider: "TracerProvider | None" = None,
) -> FastAPI:
    """Build the application; nothing is connected before it starts, nor needed to start.

    Args:
        settings: where broker and storage are, and the limits.
        producer: a double for tests; None for Celery on Service Bus. Closed at shutdown.
        services: doubles of more than the producer.
        tracer_provider: makes a span of each request; None for no traces.
    """
    if producer is not None:
        services = Services.in_memory(producer)
    lifecycle = Lifecycle(settings.max_streams, settings.shutdown_grace_seconds)
    metrics = Metrics(lifecycle)
    rate = RateLimit(settings.rate_limit_per_second, time.monotonic)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if services is None:
            app.state.context = make_context(
                settings, _azure_services(settings), lifecycle, metrics
            )
        try:
            with lifecycle.closing_on_signals():
                yield
        finally:
            lifecycle.close()
            await app.state.context.services.aclose()
            await _flush(tracer_provider)

    all_busy = (*routes.busy.routes, *watch_routes.busy.routes)
    busy = [route for route in all_busy if isinstance(route, PlainRoute)]
    app = FastAPI(
        title="Queue Processing API",
        version="1.0.0",
        description="Enqueue JSON objects, and ask what became of them.",
        lifespan=lifespan,
        # Not included, so that they are found first and without a router in between.
        routes=[*busy],
        redirect_slashes=False,  # a redirect would cost a round trip, and clients drop the body
        redoc_url=None,
        telemetry={
            "tracing": tracer_provider is not None,
            "tracer_provider": tracer_provider,
            "metrics": False,  # /metrics has them
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": lambda scope: scope["path"] in _UNTRACED,
        },
    )
    app.state.settings = settings
    if services is not None:
        app.state.context = make_context(settings, services, lifecycle, metrics)
    app.add_middleware(HeadAsGet)
    if tracer_provider is None:
        app.add_middleware(Lane, routes=busy)
    app.add_middleware(Gate, keys=settings.accepted_api_keys, rate=rate, metrics=metrics)
    for router in (
        routes.router,
        batch_routes.router,
        dead_letter_routes.router,
        operations_routes.router,
        task_routes.router,
        ui_routes.router,
        watch_routes.router,
    ):
        app.include_router(router)
    exception_handlers.install(app)
    openapi.install(app)
    return app


async def _flush(provider: "TracerProvider | None") -> None:
    """Export what is left: a process that a signal ends has no other occasion."""
    flush = getattr(provider, "force_flush", None)  # the SDK's have it, the API's do not
    if flush is not None:
        await asyncio.to_thread(flush, _FLUSH_MILLISECONDS)


def _azure_services(settings: Settings) -> Services:
    from queue_app.azure_services import (  # noqa: PLC0415 - only those who use Azure load it
        azure_services,
    )

    return azure_services(settings)
