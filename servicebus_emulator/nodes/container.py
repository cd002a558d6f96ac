"""The emulator as an AMQP container: connections come in, their links end at nodes.

Without I/O: bytes and times are arguments, and after each `turn` the connections that have bytes to
write are told by `take_touched`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.connection import Connection
from servicebus_emulator.amqp.errors import RESOURCE_LIMIT_EXCEEDED, AmqpError
from servicebus_emulator.amqp.states import LinkState
from servicebus_emulator.nodes.coordinator import Coordinator
from servicebus_emulator.nodes.entity_nodes import EntityNodes
from servicebus_emulator.nodes.peer import Peer
from servicebus_emulator.nodes.reception import Reception, RefusedError
from servicebus_emulator.nodes.sas import InvalidTokenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.nodes.idleness import IdleLimits, Idleness
    from servicebus_emulator.nodes.sas import KeyRing
    from servicebus_emulator.nodes.watch import Watch

IDLE_TIME_OUT_MS = 240_000  # what the real service announces
MAX_FRAME_SIZE = 65_536
MOST_LINKS = 5000  # of one connection, as in the real service
_TOO_MANY_LINKS = AmqpError(
    RESOURCE_LIMIT_EXCEEDED, f"A connection has at most {MOST_LINKS} links at the same time."
)


class _Timed(Protocol):
    """Something that happens by itself."""

    def next_deadline(self) -> float | None:
        """When `expire` wants to be called."""

    def expire(self, now: float) -> Iterable[Peer]:
        """Let it happen; the clients that it concerned."""


class Container:
    """Serves a namespace to AMQP clients.

    Args:
        namespace: The entities.
        keys: Against which clients' tokens and passwords are checked.
        container_id: Announced in open.
        new_id: Makes identities for messages that come without.
        idle_limits: When idle clients are let go; None for never.

    Attributes:
        peers: The clients.
    """

    def __init__(
        self,
        namespace: Namespace,
        keys: KeyRing,
        container_id: str,
        new_id: Callable[[], UUID],
        idle_limits: IdleLimits | None = None,
    ) -> None:
        self.peers: set[Peer] = set()
        self._clients = 0
        self._open = 0  # connections, of those that may be at the same time
        self._watch: Watch | None = None
        self._idleness = _idleness(idle_limits)
        self._namespace = namespace
        self._keys = keys
        self._container_id = container_id
        self._entity_nodes = EntityNodes(namespace, new_id)
        self._coordinator = Coordinator(new_id)
        self._reception = Reception(namespace, self._entity_nodes, keys, self._coordinator, new_id)
        self._touched: dict[Peer, None] = {}
        self._removals = namespace.removals
        self._timed = self._all_timed()
        self._handlers: dict[type[events.Event], Callable[[Peer, Any, float], None]] = {
            events.AuthenticationRequested: self._authenticate,
            events.ConnectionOpened: self._opened,
            events.LinkAttached: self._attach,
            events.DeliveryReceived: self._delivery,
            events.DispositionReceived: self._disposition,
            events.LinkFlow: self._flow,
            events.SessionFlow: self._session_flow,
            events.LinkDetached: self._detached,
            events.SessionEnded: self._ended,
            events.ConnectionClosed: self._closed,
        }

    def set_watch(self, watch: Watch) -> None:
        """Show events to `watch` from now on, before they are handled."""
        self._watch = watch
        self._timed = self._all_timed()
        for peer in self.peers:
            peer.watch = watch

    def connect(self, real_now: float) -> Peer:
        """A client connected (`real_now`: seconds since the epoch by the clients' clock)."""
        connection = Connection(
            "server",
            self._container_id,
            now=real_now,
            max_frame_size=MAX_FRAME_SIZE,
            idle_time_out=IDLE_TIME_OUT_MS,
        )
        peer = Peer(connection, real_now)
        self._clients += 1
        peer.number = self._clients
        peer.watch = self._watch
        self.peers.add(peer)
        return peer

    def receive(self, peer: Peer, data: bytes, now: float, real_now: float) -> None:
        """Take bytes of a client; follow with `turn`."""
        peer.real_now = real_now
        peer.connection.receive_data(data, real_now)
        self._handle_events(peer, now)

    def disconnected(self, peer: Peer, now: float) -> None:
        """The client's transport is gone; what it had locked stays locked until that expires."""
        peer.connection.receive_eof()
        self._handle_events(peer, now)
        self.peers.discard(peer)
        self._touched.pop(peer, None)
        if self._watch is not None:
            self._watch.disconnected(peer)
        if self._idleness is not None:
            self._idleness.gone(peer)

    def expire(self, now: float) -> None:
        """Let whatever has become due happen; follow with `turn`."""
        self._namespace.expire(now)
        for timed in self._timed:
            self._touched.update(dict.fromkeys(timed.expire(now)))

    def next_deadline(self) -> float | None:
        """When `expire` wants to be called, in the broker's time, at the latest."""
        return self._earliest(self._namespace.next_deadline())

    def next_change(self) -> float | None:
        """When `expire` really has something to do: what to move a clock to."""
        return self._earliest(self._namespace.next_change())

    def turn(self, now: float) -> None:
        """End the links to entities that are gone; deliver what there is to who has credit."""
        if self._namespace.removals != self._removals:
            self._removals = self._namespace.removals
            self._touched.update(self._entity_nodes.detach_deleted(now))
        for peer in self._entity_nodes.pump(now):
            self._touched[peer] = None
            if self._idleness is not None:
                self._idleness.delivered(peer, now)

    def touch(self, peer: Peer) -> None:
        """Let a client's connection be written out: something was done to it."""
        self._touched[peer] = None

    def close(self, error: AmqpError) -> None:
        """Say goodbye to every client."""
        for peer in self.peers:
            peer.connection.close(error)
            self._touched[peer] = None

    def take_touched(self) -> list[Peer]:
        """The clients whose connections may have bytes to send, or are finished."""
        touched, self._touched = list(self._touched), {}
        return touched

    def _handle_events(self, peer: Peer, now: float) -> None:
        self._touched[peer] = None
        waiting, watch = peer.connection.events, self._watch
        while waiting:
            event = waiting.popleft()
            if watch is not None and watch.alert:
                watch.intercept(peer, event, now, self._handle)
            elif (handle := self._handlers.get(type(event))) is not None:
                handle(peer, event, now)

    def _handle(self, peer: Peer, event: events.Event, now: float) -> None:
        handle = self._handlers.get(type(event))
        if handle is not None:
            handle(peer, event, now)

    def _earliest(self, deadline: float | None) -> float | None:
        for timed in self._timed:
            other = timed.next_deadline()
            if other is not None and (deadline is None or other < deadline):
                deadline = other
        return deadline

    def _all_timed(self) -> list[_Timed]:
        each = (self._entity_nodes, self._coordinator, self._watch, self._idleness)
        return [timed for timed in each if timed is not None]

    def _authenticate(self, peer: Peer, event: events.AuthenticationRequested, _now: float) -> None:
        try:
            peer.grant(self._keys.claim_of_password(event.user, event.password))
        except InvalidTokenError:
            peer.connection.authenticate(accepted=False)
        else:
            peer.connection.authenticate(accepted=True)

    def _opened(self, peer: Peer, event: events.ConnectionOpened, now: float) -> None:
        peer.container_id = event.container_id
        most = self._namespace.limits.max_connections
        if most is not None and self._open >= most:
            peer.connection.close(_too_many_connections(self._namespace.name, most))
            return
        self._open += 1
        peer.opened = True
        if self._idleness is not None:
            self._idleness.opened(peer, now)

    def _attach(self, peer: Peer, event: events.LinkAttached, now: float) -> None:
        if event.link.state is not LinkState.ATTACH_RCVD:
            return  # bytes that came along have ended it already
        if len(peer.ends) >= MOST_LINKS:
            event.link.refuse(_TOO_MANY_LINKS)
            return
        try:
            peer.ends[event.link] = self._reception.receive(peer, event, now)
        except RefusedError as refusal:
            event.link.refuse(refusal.error)
        else:
            if self._idleness is not None:
                self._idleness.attached(peer, event.link, now)

    def _delivery(self, peer: Peer, event: events.DeliveryReceived, now: float) -> None:
        if (end := peer.ends.get(event.link)) is not None:
            end.on_delivery(event, now)
        if self._idleness is not None:
            self._idleness.active(event.link, now)

    def _disposition(self, peer: Peer, event: events.DispositionReceived, now: float) -> None:
        if (end := peer.ends.get(event.link)) is not None:
            end.on_disposition(event, now)
        if self._idleness is not None:
            self._idleness.active(event.link, now)

    def _flow(self, peer: Peer, event: events.LinkFlow, now: float) -> None:
        if (end := peer.ends.get(event.link)) is not None:
            end.on_flow(event)
        if self._idleness is not None:
            self._idleness.active(event.link, now)

    def _session_flow(self, peer: Peer, event: events.SessionFlow, _now: float) -> None:
        for end in peer.ends.values():
            if end.link.session is event.session:
                end.on_writable()

    def _detached(self, peer: Peer, event: events.LinkDetached, now: float) -> None:
        self._forget(peer, event.link, now)

    def _ended(self, peer: Peer, event: events.SessionEnded, now: float) -> None:
        for link in [link for link in peer.ends if link.session is event.session]:
            self._forget(peer, link, now)

    def _closed(self, peer: Peer, _event: events.ConnectionClosed, now: float) -> None:
        if peer.opened:
            peer.opened = False
            self._open -= 1
        for link in list(peer.ends):
            self._forget(peer, link, now)

    def _forget(self, peer: Peer, link: Link, now: float) -> None:
        peer.forget(link, now)
        if self._idleness is not None:
            self._idleness.detached(peer, link, now)


def _idleness(limits: IdleLimits | None) -> Idleness | None:
    if limits is None:
        return None
    from servicebus_emulator.nodes.idleness import Idleness  # noqa: PLC0415 (rarely wanted)

    return Idleness(limits)


def _too_many_connections(namespace: str, most: int) -> AmqpError:
    return AmqpError(
        RESOURCE_LIMIT_EXCEEDED,
        f"ConnectionsQuotaExceeded for namespace: {namespace}. "
        f"There are {most} connections already, and no more are allowed.",
    )
