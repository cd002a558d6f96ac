"""Waiting for what kombu's connections are to bring."""

from __future__ import annotations

import time
from collections.abc import Callable

import kombu

Connect = Callable[..., kombu.Connection]
"""Makes a connection, with the transport's options."""

_SECONDS = 60.0


def until(connection: kombu.Connection, is_enough: Callable[[], object]) -> None:
    """Let messages come until there are enough; gives up after a while."""
    due = time.monotonic() + _SECONDS
    while not is_enough():
        assert time.monotonic() < due, "they have not come in time"
        try:
            connection.drain_events(timeout=0.5)
        except TimeoutError:
            continue


def is_silent(connection: kombu.Connection, seconds: float = 0.2) -> bool:
    """Whether nothing more comes for a moment."""
    try:
        connection.drain_events(timeout=seconds)
    except TimeoutError:
        return True
    return False
