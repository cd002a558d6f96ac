from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from queue_app.api.application import create_app
from queue_app.producer import InMemoryProducer
from queue_app.settings import Settings


@pytest.fixture
def producer() -> InMemoryProducer:
    return InMemoryProducer()


@pytest.fixture
def app(settings: Settings, producer: InMemoryProducer) -> FastAPI:
    return create_app(settings, producer)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://api") as client:
        yield client
