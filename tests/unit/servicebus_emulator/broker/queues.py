"""Queues and their messages, for tests of what happens to these."""

from typing import Any
from uuid import UUID

from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue

LOCK = 30.0
SOMEBODY = UUID(int=0)


def message(name: str = "m", **fields: Any) -> Message:
    return Message(message_id=name, content=name.encode(), **{"size": 10} | fields)


def make_queue(namespace: Namespace, **properties: Any) -> Queue:
    description = QueueDescription(**{"lock_duration": LOCK} | properties)
    return namespace.create_queue("orders", description, now=0.0)


def grave(queue: Queue) -> Queue:
    assert queue.dead_letter_queue is not None
    return queue.dead_letter_queue


def lock(queue: Queue, now: float = 0.0) -> tuple[Message, UUID]:
    """Receive a message that must be there, in peek-lock mode."""
    received = queue.receive(ReceiveMode.PEEK_LOCK, now)
    assert received is not None
    assert received.lock is not None
    return received, received.lock.token


def assert_empty(queue: Queue, now: float = 0.0) -> None:
    assert queue.receive(ReceiveMode.PEEK_LOCK, now) is None
