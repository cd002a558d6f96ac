from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from queue_app.api.application import create_app
from queue_app.producer import InMemoryProducer
from queue_app.settings import Settings

LIMIT = 1000


@pytest.fixture
def settings() -> Settings:
    # Every field is given, so that neither the environment nor a file is asked.
    return Settings.model_validate(
        {
            "service_bus_key_name": "RootManageSharedAccessKey",
            "service_bus_key": "SAS_KEY_VALUE",
            "service_bus_namespace": "localhost:5672",
            "service_bus_queue_name": "celery",
            "azure_blob_connection_string": "https://account.blob.core.windows.net",
            "service_bus_admin_port": 5300,
            "blob_container_name": "celery",
            "max_payload_bytes": LIMIT,
            "processing_delay_seconds": 0,
        }
    )


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
