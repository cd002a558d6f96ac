"""How to begin to speak with a namespace: who we are there, where it is, how it is spoken to.

Outages are logged here, once when they begin and once when they end.
"""

from __future__ import annotations

import os
import random
import secrets
import socket
import ssl
import time
from typing import TYPE_CHECKING

from kombu.log import get_logger

from celery_azure.amqp.engine import Engine

if TYPE_CHECKING:
    from celery_azure.amqp.frames import AmqpError
    from celery_azure.connection import ServiceBusEndpoint

logger = get_logger(__name__)

_TLS_PORT = 5671


def new_engine(endpoint: ServiceBusEndpoint) -> Engine:
    """An engine for a namespace."""
    host = f"{endpoint.host}:{endpoint.port}" if endpoint.is_emulator else endpoint.host
    container_id = f"celery-{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
    engine = Engine(host, container_id, random.SystemRandom().random, _wall_offset)
    engine.on_outage = _tell_outage
    engine.on_recovery = _tell_recovery
    return engine


def _wall_offset() -> float:
    return time.time() - time.monotonic()  # noqa: TID251 - locks and tokens end by the wall clock


def tls_of(endpoint: ServiceBusEndpoint) -> ssl.SSLContext | None:
    """How to speak TLS to an endpoint; None where it is not spoken.

    Raises:
        ValueError: A file that the settings name cannot be read.
    """
    if endpoint.tls is not None:
        return endpoint.tls.context()
    return None if endpoint.is_emulator else ssl.create_default_context()


def address_of(endpoint: ServiceBusEndpoint) -> tuple[str, int]:
    """Where to connect to."""
    return endpoint.host.strip("[]"), endpoint.port or _TLS_PORT


def _tell_outage(error: AmqpError) -> None:
    logger.warning("Service Bus cannot be reached, trying on: %s", error)


def _tell_recovery() -> None:
    logger.warning("Service Bus can be reached again.")
