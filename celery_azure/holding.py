"""What a channel has handed out and nobody has settled yet: what counts against the prefetch."""

from __future__ import annotations

from typing import Any

from kombu.transport import virtual

from celery_azure.amqp.settlement import Delivery


class Held(dict[str, Delivery]):
    """Deliveries by their tags; tasks are acknowledged in any thread, and one step needs no lock.

    Attributes:
        restored: kombu's note that nothing is left, since the channel is closed.
    """

    restored = False


class QoS(virtual.QoS):  # type: ignore[misc] # kombu publishes no types
    """kombu's, without books of its own: it looks at what the channel holds anyway."""

    def __init__(self, channel: Any, prefetch_count: int = 0) -> None:
        super().__init__(channel, prefetch_count)
        self._delivered = channel.held

    def can_consume(self) -> bool:
        """Whether the prefetch limit allows one more."""
        limit = self.prefetch_count
        return not limit or len(self._delivered) < limit

    def append(self, message: Any, delivery_tag: str) -> None:
        """It is held since it was read."""
