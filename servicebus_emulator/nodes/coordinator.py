"""The transaction coordinator: clients declare and discharge their transactions here.

What they send and settle under a transaction's id is noted with it until then. Ids are known on
the connection that declared them only, as in Service Bus.
Source: AMQP 1.0 transactions 4.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from servicebus_emulator.amqp import errors, message, sections
from servicebus_emulator.amqp.errors import AmqpError, DecodeError
from servicebus_emulator.amqp.outcomes import (
    Accepted,
    Declared,
    Rejected,
    TransactionalState,
)
from servicebus_emulator.amqp.transactions import (
    ROLLBACK,
    TIMEOUT,
    UNKNOWN_ID,
    Declare,
    Discharge,
    read_request,
)
from servicebus_emulator.broker.errors import BrokerError
from servicebus_emulator.broker.timers import Timers
from servicebus_emulator.broker.transactions import Transaction
from servicebus_emulator.nodes.conditions import amqp_error
from servicebus_emulator.nodes.link_end import LinkEnd
from servicebus_emulator.nodes.settlement import echo_of, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from uuid import UUID

    from servicebus_emulator.amqp.events import DeliveryReceived
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.amqp.outcomes import DeliveryState
    from servicebus_emulator.broker.intake import Intake
    from servicebus_emulator.broker.message import Message
    from servicebus_emulator.broker.queue import Queue
    from servicebus_emulator.nodes.peer import Peer

COORDINATOR_CREDIT = 100
MAX_REQUEST_SIZE = 4096
TIMEOUT_SECONDS = 120.0
_MOST_OPEN = 100  # of one connection


class Coordinator:
    """Makes transactions, and ends those that nobody discharges.

    Attributes:
        next_deadline: Tells when `expire` has something to do; None for never.
    """

    def __init__(self, new_id: Callable[[], UUID]) -> None:
        self._new_id = new_id
        self._timers: Timers[tuple[Peer, bytes]] = Timers()
        self.next_deadline = self._timers.next

    def attach(self, link: Link, peer: Peer) -> CoordinatorInlet:
        """Let a client declare and discharge transactions."""
        link.accept(max_message_size=MAX_REQUEST_SIZE, credit_window=COORDINATOR_CREDIT)
        return CoordinatorInlet(link, peer, self)

    def declare(self, peer: Peer, now: float) -> bytes:
        """Begin a transaction; gives its id."""
        txn_id = self._new_id().bytes
        peer.transactions[txn_id] = Transaction()
        self._timers.set((peer, txn_id), now + TIMEOUT_SECONDS)
        return txn_id

    def take(self, peer: Peer, txn_id: bytes) -> Transaction | None:
        """End a transaction; None when there is none of that id."""
        self._timers.cancel((peer, txn_id))
        return peer.transactions.pop(txn_id, None)

    def expire(self, now: float) -> set[Peer]:
        """Roll back what has taken too long; nobody is told before the next use of the id."""
        while (due := self._timers.pop_due(now)) is not None:
            peer, txn_id = due
            peer.transactions[txn_id] = None
        return set()


class CoordinatorInlet(LinkEnd):
    """The link on which a client declares and discharges; with it end its transactions."""

    __slots__ = ("_coordinator", "_declared", "_peer")

    def __init__(self, link: Link, peer: Peer, coordinator: Coordinator) -> None:
        super().__init__(link)
        self._peer = peer
        self._coordinator = coordinator
        self._declared: set[bytes] = set()

    def on_delivery(self, delivery: DeliveryReceived, now: float) -> None:
        """Begin or end a transaction, as the client asks."""
        outcome: DeliveryState
        try:
            request = _read(delivery)
            if isinstance(request, Declare):
                outcome = self._declare(request, now)
            else:
                outcome = self._discharge(request, now)
        except DecodeError as fault:
            outcome = _rejected(fault.condition, fault.description)
        self.link.settle(delivery.delivery_id, outcome=outcome)

    def on_gone(self, now: float) -> None:
        """Roll back what the client left open."""
        del now
        for txn_id in self._declared:
            self._coordinator.take(self._peer, txn_id)

    def _declare(self, request: Declare, now: float) -> DeliveryState:
        if request.global_id is not None:
            return _rejected(errors.NOT_IMPLEMENTED, "Distributed transactions are not supported.")
        if len(self._declared) >= _MOST_OPEN:
            text = f"At most {_MOST_OPEN} transactions may be open."
            return _rejected(errors.RESOURCE_LIMIT_EXCEEDED, text)
        txn_id = self._coordinator.declare(self._peer, now)
        self._declared.add(txn_id)
        return Declared(txn_id)

    def _discharge(self, request: Discharge, now: float) -> DeliveryState:
        try:
            transaction = transaction_of(self._peer, request.txn_id)
        except TransactionError as fault:
            self._forget(request.txn_id)
            return Rejected(fault.error)
        self._forget(request.txn_id)
        if not request.fail:
            try:
                transaction.commit(now)
            except BrokerError as refusal:
                return _rejected(ROLLBACK, f"The transaction was rolled back: {refusal}")
        return Accepted()

    def _forget(self, txn_id: bytes) -> None:
        self._declared.discard(txn_id)
        self._coordinator.take(self._peer, txn_id)


class TransactionError(Exception):
    """No work can be done in a transaction; `error` says why, for the client."""

    def __init__(self, error: AmqpError) -> None:
        super().__init__(error.description)
        self.error = error


def transaction_of(peer: Peer, txn_id: bytes) -> Transaction:
    """A client's transaction.

    Raises:
        TransactionError: There is none of that id, or it took too long.
    """
    transaction = peer.transactions.get(txn_id)
    if transaction is not None:
        return transaction
    if txn_id in peer.transactions:
        text = f"The transaction was rolled back: it took more than {TIMEOUT_SECONDS:g} seconds."
        raise TransactionError(AmqpError(TIMEOUT, text))
    raise TransactionError(AmqpError(UNKNOWN_ID, "There is no transaction of this id here."))


def send_in(
    peer: Peer, txn_id: bytes, entity: Intake, messages: Sequence[Message], now: float
) -> DeliveryState:
    """Send messages with the commit of a transaction; the outcome to answer with.

    Raises:
        TransactionError, BrokerError: They are not in the transaction.
    """
    transaction_of(peer, txn_id).send(entity, messages, now)
    return TransactionalState(txn_id, Accepted())


def settle_in(
    peer: Peer, queue: Queue, lock_token: UUID, state: TransactionalState, now: float
) -> DeliveryState:
    """Settle a message with the commit of a transaction; the outcome to answer with."""
    echo = echo_of(state.outcome)
    if echo is None:
        return _rejected(errors.INVALID_FIELD, "A transactional state needs an outcome here.")
    try:
        transaction = transaction_of(peer, state.txn_id)
        act = partial(settle, queue, lock_token, state.outcome)
        transaction.settle(queue, lock_token, act, now)
    except TransactionError as fault:
        return Rejected(fault.error)
    except BrokerError as fault:
        return Rejected(amqp_error(fault))
    return TransactionalState(state.txn_id, echo)


def _read(delivery: DeliveryReceived) -> Declare | Discharge:
    if delivery.oversized:
        raise DecodeError(f"a request to a coordinator has at most {MAX_REQUEST_SIZE} bytes")
    return read_request(message.decode_bare(sections.split(delivery.payload).bare).value)


def _rejected(condition: str, description: str) -> Rejected:
    return Rejected(AmqpError(condition, description))
