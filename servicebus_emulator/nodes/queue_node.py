"""A queue as a node: its links, and whose turn it is to receive."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from servicebus_emulator.broker.errors import BrokerError
from servicebus_emulator.broker.message import ReceiveMode
from servicebus_emulator.nodes.conditions import amqp_error
from servicebus_emulator.nodes.queue_links import QueueInlet, QueueOutlet

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from servicebus_emulator.amqp.errors import AmqpError
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.broker.queue import Queue
    from servicebus_emulator.nodes.peer import Peer

SEND_CREDIT = 1000
_SETTLED = 1  # snd-settle-mode of a receiver that wants its messages deleted on delivery


class QueueNode:
    """The links of one queue; those that receive take turns, a message each.

    Args:
        queue: The queue.
        due: Where the node puts itself when it has to be pumped.
        new_id: Makes identities for messages that come without.
    """

    def __init__(
        self, queue: Queue, due: dict[QueueNode, None], new_id: Callable[[], UUID]
    ) -> None:
        self.queue = queue
        self._new_id = new_id
        self._due = due
        self._ends: dict[QueueInlet | QueueOutlet, Peer] = {}
        self._waiting: deque[QueueOutlet] = deque()

    @property
    def is_unused(self) -> bool:
        """Whether no link ends here."""
        return not self._ends

    def attach_inlet(self, link: Link, peer: Peer) -> QueueInlet:
        """Let a client send to the queue."""
        limit = self.queue.max_message_size
        link.accept(max_message_size=limit, credit_window=SEND_CREDIT)
        inlet = QueueInlet(link, self, self._new_id)
        self._ends[inlet] = peer
        return inlet

    def attach_outlet(self, link: Link, peer: Peer) -> QueueOutlet:
        """Let a client receive from the queue."""
        link.accept(max_message_size=self.queue.max_message_size)
        settled = link.remote is not None and link.remote.snd_settle_mode == _SETTLED
        mode = ReceiveMode.RECEIVE_AND_DELETE if settled else ReceiveMode.PEEK_LOCK
        outlet = QueueOutlet(link, self, peer, mode)
        self._ends[outlet] = peer
        return outlet

    def remove(self, end: QueueInlet | QueueOutlet) -> None:
        """A link has ended."""
        self._ends.pop(end, None)
        self._due[self] = None
        if isinstance(end, QueueOutlet) and end.is_waiting:
            end.is_waiting = False
            self._waiting.remove(end)

    def let_wait(self, outlet: QueueOutlet) -> None:
        """Put a receiver in the line, if it can take a message or wants to end a drain."""
        if not outlet.is_waiting and (outlet.can_take or outlet.drains):
            outlet.is_waiting = True
            self._waiting.append(outlet)
        self._due[self] = None

    def pump(self, now: float, touched: dict[Peer, None]) -> None:
        """Deliver what there is to those who can take it, and end the drains of the others.

        Args:
            now: The broker's time.
            touched: Collects the clients that were sent something.
        """
        waiting = self._waiting
        while waiting:
            outlet = waiting[0]
            if outlet.can_take:
                touched[outlet.peer] = None
                if not self._deliver(outlet, now):
                    break
            else:
                waiting.popleft()
                outlet.is_waiting = False
                self._end_drain(outlet, touched)
        for outlet in [outlet for outlet in waiting if outlet.drains]:
            waiting.remove(outlet)
            outlet.is_waiting = False
            self._end_drain(outlet, touched)

    def detach_all(self, error: AmqpError, touched: dict[Peer, None]) -> None:
        """The queue is gone: so are its links."""
        for end, peer in tuple(self._ends.items()):
            end.link.detach(error)
            peer.forget(end.link)
            touched[peer] = None

    def _deliver(self, outlet: QueueOutlet, now: float) -> bool:
        """Give the next message to the first in line; False when there is none."""
        try:
            if not outlet.deliver_next(now):
                return False
        except BrokerError as fault:  # the queue was disabled while somebody received from it
            outlet.link.detach(amqp_error(fault))
            outlet.peer.forget(outlet.link)
        else:
            self._waiting.rotate(-1)
        return True

    def _end_drain(self, outlet: QueueOutlet, touched: dict[Peer, None]) -> None:
        if outlet.drains:
            outlet.end_drain()
            touched[outlet.peer] = None
