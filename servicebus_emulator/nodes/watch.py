"""Whoever stands between clients and nodes: sees each event before its node, and each delivery.

Fault injection is one. Without a watch, or while it is not alert, it costs a test of an attribute.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.amqp.events import Event
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.broker.message import Message
    from servicebus_emulator.broker.queue import Queue
    from servicebus_emulator.nodes.peer import Peer


class Fate(enum.Enum):
    """What is to become of a client's transport."""

    DROP = "drop"
    """Ends at once, unsent bytes and all."""

    HALF_OPEN = "half-open"
    """Stays, and nothing is read from it or written to it any more."""


class Watch(Protocol):
    """What a container asks before it does something; all times are the broker's."""

    @property
    def alert(self) -> bool:
        """Whether it wants to see anything now."""

    def intercept(
        self, peer: Peer, event: Event, now: float, proceed: Callable[[Peer, Event, float], None]
    ) -> None:
        """A client's event: call `proceed` with it now, later or never."""

    def delivered(self, peer: Peer, link: Link, queue: Queue, message: Message, now: float) -> None:
        """A message was sent to a client."""

    def disconnected(self, peer: Peer) -> None:
        """A client is gone: what was to come later comes never."""

    def next_deadline(self) -> float | None:
        """When `expire` wants to be called."""

    def expire(self, now: float) -> set[Peer]:
        """Do what was put off until now; the clients that it concerned."""
