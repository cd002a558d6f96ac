"""All places of a namespace where messages can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.broker.queue import Queue


def queues_of(namespace: Namespace) -> Iterator[Queue]:
    """Every queue, each followed by its dead-letter queue."""
    for queue in namespace.list_queues():
        yield queue
        if queue.dead_letter_queue is not None:
            yield queue.dead_letter_queue
