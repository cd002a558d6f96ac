"""How long clients may do nothing: idle links are detached, idle connections closed, as in Azure.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot
("Link is closed", "Connection is closed", "Link isn't created"); the texts are those it quotes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from servicebus_emulator.amqp import errors
from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.performatives import RECEIVER
from servicebus_emulator.broker.timers import Timers

if TYPE_CHECKING:
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.nodes.peer import Peer


@dataclass(frozen=True, slots=True)
class IdleLimits:
    """Seconds of idleness that a client is allowed; the defaults are those of the cloud.

    Attributes:
        link: Without a transfer, disposition or flow; then the link is detached.
        connection: After the last link has gone; then the connection is closed.
        unused: After open without any link; then the connection is closed.
    """

    link: float = 600.0
    connection: float = 300.0
    unused: float = 60.0


@dataclass(slots=True)
class _Activity:
    peer: Peer
    at: float
    delivery_count: int


class Idleness:
    """Watches the links and connections of a container; all times are the broker's."""

    def __init__(self, limits: IdleLimits) -> None:
        self._limits = limits
        self._active: dict[Link, _Activity] = {}
        self._links: Timers[Link] = Timers()
        self._peers: Timers[Peer] = Timers()
        self._allowed: dict[Peer, float] = {}

    def opened(self, peer: Peer, now: float) -> None:
        """A connection was opened."""
        self._allow(peer, self._limits.unused, now)

    def attached(self, peer: Peer, link: Link, now: float) -> None:
        """A link was accepted."""
        self._peers.cancel(peer)
        self._allowed.pop(peer, None)
        self._active[link] = _Activity(peer, now, link.delivery_count)
        self._links.set(link, now + self._limits.link)

    def active(self, link: Link, now: float) -> None:
        """The client did something on a link."""
        if (activity := self._active.get(link)) is not None:
            activity.at = now

    def delivered(self, peer: Peer, now: float) -> None:
        """The client was sent something, on whichever of its links."""
        for link in peer.ends:
            activity = self._active.get(link)
            if activity is not None and activity.delivery_count != link.delivery_count:
                activity.delivery_count = link.delivery_count
                activity.at = now

    def detached(self, peer: Peer, link: Link, now: float) -> None:
        """A link has ended."""
        self._active.pop(link, None)
        self._links.cancel(link)
        if peer.opened and not peer.ends and peer not in self._allowed:
            self._allow(peer, self._limits.connection, now)

    def gone(self, peer: Peer) -> None:
        """A connection has ended."""
        self._peers.cancel(peer)
        self._allowed.pop(peer, None)

    def next_deadline(self) -> float | None:
        """When somebody will have been idle for too long, if nothing happens until then."""
        while (entry := self._links.peek()) is not None:
            link, deadline = entry
            allowed_until = self._active[link].at + self._limits.link
            if allowed_until <= deadline:
                break
            self._links.set(link, allowed_until)
        whens = (self._links.next(), self._peers.next())
        return min((when for when in whens if when is not None), default=None)

    def expire(self, now: float) -> set[Peer]:
        """Detach and close what has been idle for too long; the clients that were told so."""
        touched: set[Peer] = set()
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            if (link := self._links.pop_due(now)) is not None:
                peer = self._active[link].peer
                link.detach(_idle_link(link, self._limits.link))  # harmless if it has ended
                peer.forget(link, now)
                self.detached(peer, link, now)
                touched.add(peer)
                continue
            for idle in iter(lambda: self._peers.pop_due(now), None):
                idle.connection.close(_idle_connection(self._allowed.pop(idle)))
                touched.add(idle)
        return touched

    def _allow(self, peer: Peer, seconds: float, now: float) -> None:
        self._allowed[peer] = seconds
        self._peers.set(peer, now + seconds)


def _idle_link(link: Link, seconds: float) -> AmqpError:
    kind = "publisher" if link.role is RECEIVER else "consumer"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    text = (
        f"The link '{link.name}' is force detached by the broker due to errors occurred in "
        f"{kind}(link{link.handle}). Detach origin: AmqpMessage{kind.capitalize()}."
        f"IdleTimerExpired: Idle timeout: {hours:02}:{minutes:02}:{rest:02}."
    )
    return AmqpError(errors.DETACH_FORCED, text)


def _idle_connection(seconds: float) -> AmqpError:
    text = (
        f"The connection was inactive for more than the allowed {seconds * 1000:.0f} milliseconds "
        "and is closed by container 'LinkTracker'."
    )
    return AmqpError(errors.CONNECTION_FORCED, text)
