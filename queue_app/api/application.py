"""The application factory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from queue_app.api import exception_handlers, openapi
from queue_app.api.head import HeadAsGet
from queue_app.api.routes import router
from queue_app.producer import Producer
from queue_app.settings import Settings


def create_app(settings: Settings, producer: Producer | None = None) -> FastAPI:
    """Build the application; nothing is connected before it starts, nor needed to start.

    Args:
        settings: where broker and storage are, and the limits.
        producer: a double for tests; None for Celery on Service Bus. Closed at shutdown.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if producer is None:
            app.state.producer = _celery_producer(settings)
        try:
            yield
        finally:
            await app.state.producer.aclose()

    app = FastAPI(
        title="Queue Processing API",
        version="1.0.0",
        description="Enqueue JSON objects, and ask what became of them.",
        lifespan=lifespan,
        redirect_slashes=False,  # a redirect would cost a round trip, and clients drop the body
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.producer = producer
    app.add_middleware(HeadAsGet)
    app.include_router(router)
    exception_handlers.install(app)
    openapi.install(app)
    return app


def _celery_producer(settings: Settings) -> Producer:
    from queue_app.celery_producer import (  # noqa: PLC0415 - only those who use Celery load it
        CeleryProducer,
    )

    return CeleryProducer(settings)
