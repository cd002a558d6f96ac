"""Connections of kombu to the stack, as Celery would make them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import kombu
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.pytest_plugin import ServiceBus
    from tests.integration.transport.draining import Connect

TRANSPORT = "celery_azure.transport:Transport"


@pytest.fixture
def connect(servicebus: ServiceBus) -> Iterator[Connect]:
    """Makes connections, with the transport's options; all are closed after the test."""
    opened: list[kombu.Connection] = []
    endpoints = servicebus.endpoints

    def make(**options: Any) -> kombu.Connection:
        connection = kombu.Connection(
            endpoints.broker_url,
            transport=TRANSPORT,
            transport_options={"admin_port": endpoints.admin_port, **options},
        )
        opened.append(connection)
        return connection

    yield make
    for connection in opened:
        connection.close()


@pytest.fixture
def name() -> str:
    """A name that nobody else uses."""
    return f"x-{uuid.uuid4().hex[:12]}"
