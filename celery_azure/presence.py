"""A sign of life for a subscription that goes when nobody uses it.

A receiver that waits is no use in the sense of AutoDeleteOnIdle; looking at what there is, is.
Source: https://learn.microsoft.com/azure/service-bus-messaging/message-expiration#temporary-entities
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery_azure.amqp.codec import Int

if TYPE_CHECKING:
    from celery_azure.amqp.requests import Requests

EVERY_SECONDS = 100.0


class Presence:
    """Peeks into an entity from time to time; what is there does not matter.

    Args:
        management: The entity's management node.
        now: The time, by the engine's clock.
    """

    def __init__(self, management: Requests, now: float) -> None:
        self._management = management
        self._due = now + EVERY_SECONDS

    def expire(self, now: float) -> None:
        """Peek, if it is time for that."""
        if now >= self._due:
            self._due = now + EVERY_SECONDS
            body = {"from-sequence-number": 0, "message-count": Int(1)}
            self._management.operation("peek-message", body, now, lambda _: None)
