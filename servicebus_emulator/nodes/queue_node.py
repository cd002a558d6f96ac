"""A queue as a node: its links, and whose turn it is to receive."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from servicebus_emulator.amqp.types import Symbol
from servicebus_emulator.broker.errors import BrokerError, ServerBusy
from servicebus_emulator.broker.message import ReceiveMode
from servicebus_emulator.nodes.conditions import amqp_error
from servicebus_emulator.nodes.entity_node import EntityNode
from servicebus_emulator.nodes.queue_links import QueueOutlet

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.broker.queue import Queue
    from servicebus_emulator.nodes.link_end import LinkEnd
    from servicebus_emulator.nodes.peer import Peer

SESSION_FILTER = Symbol("com.microsoft:session-filter")
_SETTLED = 1  # snd-settle-mode of a receiver that wants its messages deleted on delivery


class QueueNode(EntityNode):
    """The links of one queue or the like; those that receive take turns, a message each."""

    def __init__(
        self, queue: Queue, due: dict[EntityNode, None], new_id: Callable[[], UUID]
    ) -> None:
        super().__init__(queue, due, new_id)
        self.queue = queue
        self._waiting: OrderedDict[QueueOutlet, None] = OrderedDict()
        self._draining: dict[QueueOutlet, None] = {}  # of those that wait
        self._receivers = 0

    def attach_outlet(self, link: Link, peer: Peer, now: float) -> LinkEnd:
        """Let a client receive from the queue.

        Raises:
            BrokerError: The client may not, or not in this way.
        """
        del now
        self._check_receiver(link)
        link.accept(max_message_size=self.queue.max_message_size)
        return self._add(QueueOutlet(link, self, peer, receive_mode(link)))

    def _check_receiver(self, link: Link) -> None:
        """See whether a client may receive in the way that it asks for.

        Raises:
            OperationNotAllowed: Not in this way.
            ServerBusy: Others do, as many as may.
        """
        self.queue.check_receiver(of_session=wants_session(link))
        most = self.queue.limits.max_receivers
        if most is not None and self._receivers >= most:
            raise ServerBusy(f"there are {most} receivers on '{self.queue.path}' already")

    def _add(self, outlet: QueueOutlet) -> QueueOutlet:
        self._ends[outlet] = outlet.peer
        self._receivers += 1
        self.queue.hold()
        return outlet

    def remove(self, end: LinkEnd, now: float) -> None:
        """A link has ended."""
        super().remove(end, now)
        if isinstance(end, QueueOutlet):
            self._receivers -= 1
            self.queue.let_go(now)
            self._stop_waiting(end)

    def let_wait(self, outlet: QueueOutlet) -> None:
        """Put a receiver in the line, if it can take a message or wants to end a drain."""
        if outlet.can_take or outlet.drains:
            self._waiting[outlet] = None  # at the end, unless it stands in the line already
            if outlet.drains:
                self._draining[outlet] = None
            else:
                self._draining.pop(outlet, None)
        self._due[self] = None

    def pump(self, now: float, touched: dict[Peer, None]) -> None:
        """Deliver what there is to those who can take it, and end the drains of the others.

        Args:
            now: The broker's time.
            touched: Collects the clients that were sent something.
        """
        waiting = self._waiting
        while waiting:
            outlet = next(iter(waiting))
            if outlet.can_take:
                touched[outlet.peer] = None
                if not self._deliver(outlet, now):
                    break
            else:
                self._stop_waiting(outlet)
                self._end_drain(outlet, touched)
        while self._draining:
            outlet = next(iter(self._draining))
            self._stop_waiting(outlet)
            self._end_drain(outlet, touched)

    def _deliver(self, outlet: QueueOutlet, now: float) -> bool:
        """Give the next message to the first in line; False when there is none."""
        try:
            if not outlet.deliver_next(now):
                return False
        except BrokerError as fault:  # the queue was disabled while somebody received from it
            outlet.link.detach(amqp_error(fault))
            outlet.peer.forget(outlet.link, now)
        else:
            if outlet in self._waiting:  # unless that delivery has ended its connection
                self._waiting.move_to_end(outlet)
        return True

    def _stop_waiting(self, outlet: QueueOutlet) -> None:
        self._waiting.pop(outlet, None)
        self._draining.pop(outlet, None)

    def _end_drain(self, outlet: QueueOutlet, touched: dict[Peer, None]) -> None:
        if outlet.drains:
            outlet.end_drain()
            touched[outlet.peer] = None


def receive_mode(link: Link) -> ReceiveMode:
    """What a receiver wants: its messages locked, or deleted on delivery."""
    settled = link.remote is not None and link.remote.snd_settle_mode == _SETTLED
    return ReceiveMode.RECEIVE_AND_DELETE if settled else ReceiveMode.PEEK_LOCK


def wants_session(link: Link) -> bool:
    """Whether a receiver asks for a session, by name or whichever is next."""
    source = link.remote.source if link.remote is not None else None
    return source is not None and SESSION_FILTER in (source.filter or {})
