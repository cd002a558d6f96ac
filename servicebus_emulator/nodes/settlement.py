"""A client's settlement of a delivery: the outcome says what becomes of the message.

The client is answered with an outcome of the same kind; a rejected one in the answer carries an
error only when the settlement itself failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.amqp.outcomes import Accepted, Modified, Rejected, Released
from servicebus_emulator.broker.errors import BrokerError
from servicebus_emulator.nodes.conditions import amqp_error
from servicebus_emulator.nodes.message_mapping import (
    DEAD_LETTER_DESCRIPTION,
    DEAD_LETTER_REASON,
)

if TYPE_CHECKING:
    from uuid import UUID

    from servicebus_emulator.amqp.outcomes import DeliveryState, Outcome
    from servicebus_emulator.broker.queue import Queue

DEAD_LETTER = "com.microsoft:dead-letter"


def settle(
    queue: Queue, lock_token: UUID, state: DeliveryState | None, now: float
) -> Outcome | None:
    """Do to the message what the client decided; the outcome to answer with.

    None says that the state is no decision, so that there is nothing to answer.
    """
    try:
        match state:
            case Accepted():  # as nearly all are
                queue.complete(lock_token, now)
                return state
            case Released():
                queue.release(lock_token, now)
            case Modified():
                _modify(queue, lock_token, state, now)
            case Rejected():
                _dead_letter(queue, lock_token, state, now)
    except BrokerError as fault:
        return Rejected(amqp_error(fault))
    return echo_of(state)


def echo_of(state: DeliveryState | None) -> Outcome | None:
    """The answer to a client's decision; None when it is none."""
    match state:
        case Accepted() | Released():
            return state
        case Modified():
            return Modified(state.delivery_failed, state.undeliverable_here)
        case Rejected():
            return Rejected()
        case _:
            return None


def _modify(queue: Queue, lock_token: UUID, state: Modified, now: float) -> None:
    """Abandon, or defer when the message is not to come here again.

    Whether the delivery failed does not matter: the SDKs disagree on the flag when they abandon.
    """
    if state.undeliverable_here:
        queue.defer(lock_token, now, state.message_annotations)
    else:
        queue.abandon(lock_token, now, state.message_annotations)


def _dead_letter(queue: Queue, lock_token: UUID, state: Rejected, now: float) -> None:
    error = state.error
    properties = dict(error.info) if error is not None else {}
    reason = properties.pop(DEAD_LETTER_REASON, None)
    description = properties.pop(DEAD_LETTER_DESCRIPTION, None)
    if error is not None and error.condition != DEAD_LETTER:
        # A plain AMQP client rejects with an error of its own, which is then the reason.
        reason = reason or error.condition
        description = description or error.description
    queue.dead_letter(lock_token, now, reason, description, properties)
