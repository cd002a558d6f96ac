"""The emulator as an AMQP container: connections come in, their links end at nodes.

Without I/O: bytes and times are arguments, and after each `turn` the connections that have bytes to
write are told by `take_touched`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.connection import Connection
from servicebus_emulator.amqp.states import LinkState
from servicebus_emulator.nodes.entity_nodes import EntityNodes
from servicebus_emulator.nodes.peer import Peer
from servicebus_emulator.nodes.reception import Reception, RefusedError
from servicebus_emulator.nodes.sas import InvalidTokenError

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from servicebus_emulator.amqp.errors import AmqpError
    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.nodes.sas import KeyRing

IDLE_TIME_OUT_MS = 240_000  # what the real service announces
MAX_FRAME_SIZE = 65_536


class Container:
    """Serves a namespace to AMQP clients.

    Args:
        namespace: The entities.
        keys: Against which clients' tokens and passwords are checked.
        container_id: Announced in open.
        new_id: Makes identities for messages that come without.
    """

    def __init__(
        self,
        namespace: Namespace,
        keys: KeyRing,
        container_id: str,
        new_id: Callable[[], UUID],
    ) -> None:
        self._namespace = namespace
        self._keys = keys
        self._container_id = container_id
        self._entity_nodes = EntityNodes(namespace, new_id)
        self._reception = Reception(namespace, self._entity_nodes, keys, new_id)
        self._peers: set[Peer] = set()
        self._touched: dict[Peer, None] = {}
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
        self._peers.add(peer)
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
        self._peers.discard(peer)
        self._touched.pop(peer, None)

    def expire(self, now: float) -> None:
        """Let the entities do what has become due; follow with `turn`."""
        self._namespace.expire(now)

    def next_deadline(self) -> float | None:
        """When `expire` wants to be called, in the broker's time."""
        return self._namespace.next_deadline()

    def turn(self, now: float) -> None:
        """Deliver what has become available to whoever has credit for it."""
        for peer in self._entity_nodes.pump(now):
            self._touched[peer] = None

    def entities_changed(self) -> None:
        """Entities may be gone: links to them are detached."""
        for peer in self._entity_nodes.detach_deleted():
            self._touched[peer] = None

    def close(self, error: AmqpError) -> None:
        """Say goodbye to every client."""
        for peer in self._peers:
            peer.connection.close(error)
            self._touched[peer] = None

    def take_touched(self) -> list[Peer]:
        """The clients whose connections may have bytes to send, or are finished."""
        touched = list(self._touched)
        self._touched.clear()
        return touched

    def _handle_events(self, peer: Peer, now: float) -> None:
        self._touched[peer] = None
        next_event = peer.connection.next_event
        while (event := next_event()) is not None:
            handle = self._handlers.get(type(event))
            if handle is not None:
                handle(peer, event, now)

    def _authenticate(self, peer: Peer, event: events.AuthenticationRequested, _now: float) -> None:
        try:
            peer.grant(self._keys.claim_of_password(event.user, event.password))
        except InvalidTokenError:
            peer.connection.authenticate(accepted=False)
        else:
            peer.connection.authenticate(accepted=True)

    def _opened(self, peer: Peer, _event: events.ConnectionOpened, _now: float) -> None:
        peer.opened = True

    def _attach(self, peer: Peer, event: events.LinkAttached, _now: float) -> None:
        if event.link.state is not LinkState.ATTACH_RCVD:
            return  # bytes that came along have ended it already
        try:
            peer.ends[event.link] = self._reception.receive(peer, event)
        except RefusedError as refusal:
            event.link.refuse(refusal.error)

    def _delivery(self, peer: Peer, event: events.DeliveryReceived, now: float) -> None:
        if (end := peer.ends.get(event.link)) is not None:
            end.on_delivery(event, now)

    def _disposition(self, peer: Peer, event: events.DispositionReceived, now: float) -> None:
        if (end := peer.ends.get(event.link)) is not None:
            end.on_disposition(event, now)

    def _flow(self, peer: Peer, event: events.LinkFlow, _now: float) -> None:
        if (end := peer.ends.get(event.link)) is not None:
            end.on_flow(event)

    def _session_flow(self, peer: Peer, event: events.SessionFlow, _now: float) -> None:
        for end in peer.ends.values():
            if end.link.session is event.session:
                end.on_writable()

    def _detached(self, peer: Peer, event: events.LinkDetached, _now: float) -> None:
        peer.forget(event.link)

    def _ended(self, peer: Peer, event: events.SessionEnded, _now: float) -> None:
        for link in [link for link in peer.ends if link.session is event.session]:
            peer.forget(link)

    def _closed(self, peer: Peer, _event: events.ConnectionClosed, _now: float) -> None:
        for link in list(peer.ends):
            peer.forget(link)
