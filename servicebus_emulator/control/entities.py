"""All places of a namespace where messages can be."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.broker.queue import Queue


def queues_of(namespace: Namespace) -> Iterator[Queue]:
    """Every queue and subscription, each followed by its dead-letter queues."""
    owners: list[Queue] = [*namespace.list_queues()]
    for topic in namespace.list_topics():
        owners += topic.subscriptions
    for owner in owners:
        yield owner
        yield from owner.sub_queues()
