"""Whether the lock of a message was lost, for the log, the counters, and the task itself.

While a task runs, its message is locked; the lock is renewed. When it is lost all the same (the
namespace was out of reach for too long, somebody froze the worker), the broker delivers the message
to another worker, and the task is done twice. A task that takes long can ask, and stop:

    from celery.exceptions import Reject
    from celery_azure.locks import is_lost

    @app.task(acks_late=True)
    def work(parts):
        for part in parts:
            if is_lost():
                raise Reject("somebody else has it", requeue=True)
            ...

`Reject` leaves the result to the other one; should the lock not be lost after all, the message is
delivered again.
"""

from __future__ import annotations

import mmap
import threading
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery import current_task
from kombu.log import get_logger

from celery_azure.amqp.settlement import COMPLETE, LOCK_LOST, UNCONFIRMED
from celery_azure.counts import (
    DUPLICATES,
    FAILED_SETTLEMENTS,
    LOST_LOCKS,
    UNCONFIRMED_SETTLEMENTS,
    counts,
)

if TYPE_CHECKING:
    from celery_azure.amqp.frames import AmqpError
    from celery_azure.amqp.settlement import Delivery, Settlement

logger = get_logger(__name__)

_TOKEN_BYTES = 16


class LostLocks:
    """The lock tokens that were lost last, in memory that this process shares with its children.

    A worker's main process hears of a lost lock, while the task runs in a child (prefork).

    Args:
        kept: How many are remembered.
    """

    def __init__(self, kept: int = 4096) -> None:
        self._memory = mmap.mmap(-1, kept * _TOKEN_BYTES)  # shared by fork
        self._at = 0
        self._lock = threading.Lock()

    def add(self, token: UUID) -> None:
        """Remember one; the oldest is forgotten."""
        with self._lock:
            self._memory[self._at : self._at + _TOKEN_BYTES] = token.bytes
            self._at = (self._at + _TOKEN_BYTES) % len(self._memory)

    def __contains__(self, token: UUID) -> bool:
        return self._memory.find(token.bytes) >= 0


_lost = LostLocks()


def is_lost(request: Any = None) -> bool:
    """Whether the broker has given the message of a running task to somebody else, or soon will.

    It is known when a renewal fails, so some seconds after the fact; False where nothing is known,
    as in a task that this transport has not delivered.

    Args:
        request: The task's `self.request`; None for that of the task that runs here.
    """
    if request is None:
        request = current_task.request if current_task else None
    properties = getattr(request, "properties", None) or {}
    try:
        return UUID(str(properties.get("delivery_tag"))) in _lost
    except ValueError:
        return False


def on_lost(delivery: Delivery, reason: str) -> None:
    """A lock was lost while its message was held."""
    _remember(delivery)
    logger.warning(
        "The lock of %s is lost, it is delivered again: %s", delivery.name or "a message", reason
    )


def on_settled(delivery: Delivery, settlement: Settlement, error: AmqpError | None) -> None:
    """The broker has taken a settlement, or says why not."""
    if error is None:
        return
    what = delivery.name or "a message"
    if error.condition == UNCONFIRMED:
        counts[UNCONFIRMED_SETTLEMENTS] += 1
        text = "Whether the %s of %s was done is not known, most probably it was: %s"
        logger.info(text, settlement.verb, what, error.description)
        return
    counts[FAILED_SETTLEMENTS] += 1
    if error.condition != LOCK_LOST:
        logger.warning(
            "The %s of %s failed, it is delivered again: %s", settlement.verb, what, error
        )
        return
    if not delivery.is_lost:
        delivery.is_lost = True
        _remember(delivery)
    if settlement is COMPLETE:
        counts[DUPLICATES] += 1
        logger.warning("%s was done after its lock was lost: it is done twice.", what)
    else:
        logger.warning(
            "The lock of %s was lost before its %s: it is delivered again.", what, settlement.verb
        )


def _remember(delivery: Delivery) -> None:
    counts[LOST_LOCKS] += 1
    if delivery.lock_token is not None:
        _lost.add(delivery.lock_token)
