"""The API in a thread, with doubles behind it: a test plays worker and broker."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from harness.waiting import wait_until
from queue_app.api.application import create_app
from queue_app.blob_store import InMemoryBlobStore
from queue_app.dead_letters import InMemoryDeadLetters
from queue_app.producer import InMemoryProducer
from queue_app.queue_counts import InMemoryQueueGauge, QueueCounts
from queue_app.services import Services
from queue_app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Served:
    """A running API and the doubles behind it."""

    url: str
    producer: InMemoryProducer
    blobs: InMemoryBlobStore
    dead_letters: InMemoryDeadLetters
    gauge: InMemoryQueueGauge


@contextmanager
def served(**settings: object) -> Iterator[Served]:
    """Serve the API; `settings` are added to those that it needs."""
    producer = InMemoryProducer()
    blobs, letters = InMemoryBlobStore(), InMemoryDeadLetters(producer)
    gauge = InMemoryQueueGauge(QueueCounts(0, 0, 0))
    app = create_app(_settings(settings), services=Services(producer, blobs, letters, gauge))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            wait_until(lambda: server.started, "the API")
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            yield Served(url, producer, blobs, letters, gauge)
        finally:
            server.should_exit = True
            thread.join()


def _settings(added: dict[str, object]) -> Settings:
    return Settings.model_validate(
        {
            "service_bus_key_name": "RootManageSharedAccessKey",
            "service_bus_key": "SAS_KEY_VALUE",
            "service_bus_namespace": "localhost:5672",
            "service_bus_queue_name": "jobs",
            "azure_blob_connection_string": "https://account.blob.core.windows.net",
            "max_payload_bytes": LIMIT,
            **added,
        }
    )
