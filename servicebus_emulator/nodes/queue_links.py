"""The two kinds of link to an entity: one on which a client sends, one on which it receives."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from servicebus_emulator.amqp import errors
from servicebus_emulator.amqp.errors import AmqpError, DecodeError
from servicebus_emulator.amqp.outcomes import Accepted, Rejected, TransactionalState
from servicebus_emulator.broker.errors import BrokerError, MessageTooLarge
from servicebus_emulator.nodes.conditions import amqp_error
from servicebus_emulator.nodes.coordinator import TransactionError, send_in, settle_in
from servicebus_emulator.nodes.link_end import LinkEnd
from servicebus_emulator.nodes.message_mapping import (
    BATCH_FORMAT,
    batch_to_broker,
    to_broker,
    to_wire,
)
from servicebus_emulator.nodes.property_limits import check_properties
from servicebus_emulator.nodes.settlement import settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.amqp.events import DeliveryReceived, DispositionReceived, LinkFlow
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.amqp.outcomes import DeliveryState
    from servicebus_emulator.broker.message import ReceiveMode
    from servicebus_emulator.broker.sessions import SessionLock
    from servicebus_emulator.nodes.entity_node import EntityNode
    from servicebus_emulator.nodes.peer import Peer
    from servicebus_emulator.nodes.queue_node import QueueNode


class EntityInlet(LinkEnd):
    """The link on which a client sends to a queue or a topic."""

    __slots__ = ("_new_message_id", "_node", "_peer")

    def __init__(
        self, link: Link, node: EntityNode, peer: Peer, new_message_id: Callable[[], UUID]
    ) -> None:
        super().__init__(link)
        self._peer = peer
        self._node = node
        self._new_message_id = new_message_id

    def on_delivery(self, delivery: DeliveryReceived, now: float) -> None:
        """Put what arrived into the entity, and say so; say why when it could not be."""
        outcome = Rejected(self._too_large()) if delivery.oversized else self._take(delivery, now)
        if not delivery.settled:
            self.link.settle(delivery.delivery_id, outcome=outcome)

    def on_gone(self, now: float) -> None:
        """Nobody sends here any more."""
        self._node.remove(self, now)

    def _take(self, delivery: DeliveryReceived, now: float) -> DeliveryState:
        entity, state = self._node.entity, delivery.state
        try:
            if delivery.message_format == BATCH_FORMAT:
                size, most = len(delivery.payload), entity.max_batch_size
                if size > most:
                    raise MessageTooLarge(size, most)
                messages = batch_to_broker(delivery.payload, self._new_message_id)
            else:
                messages = [to_broker(delivery.payload, self._new_message_id)]
            check_properties(messages, entity.limits)
            if isinstance(state, TransactionalState):
                return send_in(self._peer, state.txn_id, entity, messages, now)
            entity.send_batch(messages, now)
        except DecodeError as fault:
            return Rejected(AmqpError(fault.condition, fault.description))
        except TransactionError as fault:
            return Rejected(fault.error)
        except BrokerError as fault:
            return Rejected(amqp_error(fault))
        return Accepted()

    def _too_large(self) -> AmqpError:
        limit = self.link.max_message_size
        text = f"The received message exceeds the limit of {limit} bytes of this link."
        return AmqpError(errors.MESSAGE_SIZE_EXCEEDED, text)


class QueueOutlet(LinkEnd):
    """The link on which a client receives from the queue.

    Attributes:
        peer: Whose link it is.
        drains: The client wants its credit back when the queue has nothing more.
        session: The session that it holds; None for a queue without sessions.
    """

    __slots__ = ("_mode", "_node", "_tokens", "drains", "peer", "session")

    def __init__(
        self,
        link: Link,
        node: QueueNode,
        peer: Peer,
        mode: ReceiveMode,
        session: SessionLock | None = None,
    ) -> None:
        super().__init__(link)
        self.peer = peer
        self.session = session
        self.drains = False
        self._node = node
        self._mode = mode
        self._tokens: dict[bytes, UUID] = {}  # by tag, of which to make one anew is dear

    @property
    def can_take(self) -> bool:
        """Whether a message can be sent to the client now."""
        return self.link.credit > 0 and self.peer.can_take

    def on_flow(self, flow: LinkFlow) -> None:
        """Take part in the deliveries, up to the credit."""
        self.drains = flow.drain
        self._node.let_wait(self)

    def on_writable(self) -> None:
        """Take part again."""
        self._node.let_wait(self)

    def on_disposition(self, disposition: DispositionReceived, now: float) -> None:
        """Settle what was delivered as the client says, and confirm it if it waits for that."""
        state = disposition.outcome
        for delivery_id, tag in disposition.deliveries.items():
            token = self._tokens.pop(tag, None) or UUID(bytes_le=tag)
            echo: DeliveryState | None
            if isinstance(state, TransactionalState):
                echo = settle_in(self.peer, self._node.queue, token, state, now)
            else:
                echo = settle(self._node.queue, token, state, now)
            if not disposition.settled and echo is not None:
                self.link.settle(delivery_id, outcome=echo)

    def on_gone(self, now: float) -> None:
        """Deliver elsewhere from now on; what is locked here stays locked until that expires."""
        self._node.remove(self, now)

    def deliver_next(self, now: float) -> bool:
        """Send the queue's next message; False when there is none."""
        message = self._node.queue.receive(self._mode, now, self.session)
        if message is None:
            return False
        payload = to_wire(message)
        self.peer.unsent += len(payload)
        if message.lock is None:
            self.link.send(payload, delivery_tag=b"", settled=True)  # nobody will ask for it again
        else:
            # The SDKs read the lock token out of the tag, as the bytes of a .NET Guid.
            token = message.lock.token
            tag = token.bytes_le
            self._tokens[tag] = token
            self.link.send(payload, delivery_tag=tag)
        watch = self.peer.watch
        if watch is not None and watch.alert:
            watch.delivered(self.peer, self.link, self._node.queue, message, now)
        return True

    def end_drain(self) -> None:
        """Use up the credit: the queue has nothing more."""
        self.drains = False
        self.link.drained()
