"""A queue with sessions as a node: each receiver has a session, or waits for one.

Source: https://learn.microsoft.com/azure/service-bus-messaging/message-sessions, and what the SDKs
read out of the answer to their attach.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.performatives import Source
from servicebus_emulator.amqp.types import Described, Symbol
from servicebus_emulator.broker.errors import BrokerError, SessionLockLost
from servicebus_emulator.broker.message import ReceiveMode
from servicebus_emulator.nodes.conditions import amqp_error
from servicebus_emulator.nodes.link_end import LinkEnd
from servicebus_emulator.nodes.queue_links import QueueOutlet
from servicebus_emulator.nodes.queue_node import (
    SESSION_FILTER,
    QueueNode,
    receive_mode,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.broker.queue import Queue
    from servicebus_emulator.broker.sessions import SessionLock
    from servicebus_emulator.broker.timers import Timers
    from servicebus_emulator.nodes.entity_node import EntityNode
    from servicebus_emulator.nodes.peer import Peer

_LOCKED_UNTIL = Symbol("com.microsoft:locked-until-utc")
_TIMEOUT = Symbol("com.microsoft:timeout")
TIMEOUT = "com.microsoft:timeout"
_PATIENCE = 60.0  # seconds; of clients that do not name their own
_TICKS_PER_SECOND = 10_000_000
_TICKS_AT_EPOCH = 621_355_968_000_000_000  # .NET counts from the year 1


class SessionSeeker(LinkEnd):
    """A receiver that waits for any session; its attach is answered when it has one.

    Attributes:
        peer: Whose link it is.
    """

    __slots__ = ("_node", "peer")

    def __init__(self, link: Link, node: SessionNode, peer: Peer) -> None:
        super().__init__(link)
        self.peer = peer
        self._node = node

    def on_gone(self, now: float) -> None:
        """Nobody waits any more."""
        self._node.remove(self, now)

    def give_up(self, now: float) -> None:
        """There was no session in all the time that the client gave."""
        self.link.refuse(
            AmqpError(TIMEOUT, "No session with messages became available within the timeout.")
        )
        self.peer.forget(self.link, now)


class SessionNode(QueueNode):
    """The links of a queue that requires sessions; it looks only at those that something concerns.

    Args:
        queue: The queue.
        due: Where the node puts itself when it has to be pumped.
        new_id: Makes identities for messages that come without.
        seekers: When those who wait for a session give up; shared by all nodes.
    """

    def __init__(
        self,
        queue: Queue,
        due: dict[EntityNode, None],
        new_id: Callable[[], UUID],
        seekers: Timers[SessionSeeker],
    ) -> None:
        super().__init__(queue, due, new_id)
        self._seekers = seekers
        self._seeking: dict[SessionSeeker, None] = {}
        self._holders: dict[SessionLock, QueueOutlet] = {}
        self._concerned: dict[QueueOutlet, None] = {}  # of those that wait for messages
        self._description = queue.description

    def attach_outlet(self, link: Link, peer: Peer, now: float) -> LinkEnd:
        """Let a client receive from the session that its filter names, or from the next one.

        Raises:
            BrokerError: The session is somebody else's, the queue is disabled, or the client asks
                for no session.
        """
        self._check_receiver(link)
        wanted = _wanted_session(link)
        lock = self.queue.accept_session(wanted, now)
        if lock is not None:
            return self._give(link, peer, lock)
        seeker = SessionSeeker(link, self, peer)
        self._ends[seeker] = peer
        self._seeking[seeker] = None
        self._seekers.set(seeker, now + _patience(link))
        return seeker

    def let_wait(self, outlet: QueueOutlet) -> None:
        """Put a receiver in the line, as any queue does, and look at it."""
        super().let_wait(outlet)
        self._concerned[outlet] = None

    def remove(self, end: LinkEnd, now: float) -> None:
        """A link has ended; so has its hold on a session."""
        super().remove(end, now)
        if isinstance(end, SessionSeeker):
            self._seeking.pop(end, None)
            self._seekers.cancel(end)
        elif isinstance(end, QueueOutlet) and end.session is not None:
            self._concerned.pop(end, None)
            self._holders.pop(end.session, None)
            self.queue.release_session(end.session, now)

    def pump(self, now: float, touched: dict[Peer, None]) -> None:
        """End lost sessions, give free ones to those who wait, and deliver in each."""
        news = self.queue.take_session_news()
        for lock, holder in [(lock, self._holders[lock]) for lock in news if lock in self._holders]:
            if lock.is_lost:
                holder.link.detach(amqp_error(SessionLockLost()))
                holder.peer.forget(holder.link, now)
                touched[holder.peer] = None
            else:
                self._concerned[holder] = None
        while self._seeking and self._serve(next(iter(self._seeking)), now, touched):
            pass
        if self.queue.description is not self._description:
            self._description = self.queue.description
            self._concerned.update(self._waiting)  # they go on, or are told that they may not
        concerned, self._concerned = self._concerned, {}
        for outlet in concerned:
            self._deliver_all(outlet, now, touched)

    def _serve(self, seeker: SessionSeeker, now: float, touched: dict[Peer, None]) -> bool:
        """Give the next session to who waits for it; False when there is none."""
        link, peer = seeker.link, seeker.peer
        try:
            lock = self.queue.accept_session(None, now)
        except BrokerError as fault:
            link.refuse(amqp_error(fault))
            self.remove(seeker, now)
            peer.forget(link, now)
            touched[peer] = None
            return True
        if lock is None:
            return False
        self.remove(seeker, now)
        peer.ends[link] = self._give(link, peer, lock)
        touched[peer] = None
        return True

    def _give(self, link: Link, peer: Peer, lock: SessionLock) -> LinkEnd:
        source = link.remote.source if link.remote is not None else None
        asked = _session_filter(link)
        # In the form that the client chose: the SDK for Go describes the value, and reads it so.
        given: Any = lock.session_id
        if isinstance(asked, Described):
            given = replace(asked, value=given)
        ticks = round(lock.until * _TICKS_PER_SECOND) + _TICKS_AT_EPOCH
        link.accept(
            source=replace(source or Source(), filter={SESSION_FILTER: given}),
            max_message_size=self.queue.max_message_size,
            properties={_LOCKED_UNTIL: ticks},
        )
        mode = receive_mode(link)
        if mode is ReceiveMode.RECEIVE_AND_DELETE and self.queue.sessions is not None:
            # It holds no message whose end could be in doubt, and clients do not renew its lock.
            self.queue.sessions.keep(lock)
        outlet = self._holders[lock] = QueueOutlet(link, self, peer, mode, lock)
        return self._add(outlet)

    def _deliver_all(self, outlet: QueueOutlet, now: float, touched: dict[Peer, None]) -> None:
        """Deliver what there is in a receiver's session, as far as it can take it."""
        while outlet in self._waiting and outlet.can_take:
            touched[outlet.peer] = None
            if not self._deliver(outlet, now):
                break
        if outlet in self._waiting and (outlet.drains or not outlet.can_take):
            self._stop_waiting(outlet)
            self._end_drain(outlet, touched)


def _wanted_session(link: Link) -> str | None:
    """The session that a client names; None for whichever is next."""
    wanted = _session_filter(link)
    value = wanted.value if isinstance(wanted, Described) else wanted
    return value if isinstance(value, str) else None


def _session_filter(link: Link) -> Any:
    """What a client's filter says of sessions, as it says it; None for nothing."""
    source = link.remote.source if link.remote is not None else None
    return (source.filter or {}).get(SESSION_FILTER) if source is not None else None


def _patience(link: Link) -> float:
    """Seconds for which a client waits for a session."""
    properties = (link.remote.properties if link.remote is not None else None) or {}
    wanted = properties.get(_TIMEOUT)
    return wanted / 1000 if isinstance(wanted, int) else _PATIENCE
