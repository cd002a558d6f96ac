"""Each refusal of the broker as the AMQP condition and the management status that clients know.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-troubleshoot and
the table by which the SDKs choose their exceptions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from servicebus_emulator.amqp import errors as amqp
from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.broker import errors as broker

if TYPE_CHECKING:
    from collections.abc import Mapping

ARGUMENT_ERROR = "com.microsoft:argument-error"
SERVER_BUSY = "com.microsoft:server-busy"


class Refusal(NamedTuple):
    """How a client is told."""

    condition: str
    status: int


CONDITIONS: Mapping[type[broker.BrokerError], Refusal] = {
    broker.EntityNotFound: Refusal(amqp.NOT_FOUND, 404),
    broker.EntityAlreadyExists: Refusal("com.microsoft:entity-already-exists", 409),
    broker.EntityDisabled: Refusal("com.microsoft:entity-disabled", 403),
    broker.MessageLockLost: Refusal("com.microsoft:message-lock-lost", 410),
    broker.MessageNotFound: Refusal("com.microsoft:message-not-found", 404),
    broker.SessionLockLost: Refusal("com.microsoft:session-lock-lost", 410),
    broker.SessionCannotBeLocked: Refusal("com.microsoft:session-cannot-be-locked", 410),
    broker.MessageTooLarge: Refusal(amqp.MESSAGE_SIZE_EXCEEDED, 400),
    broker.PropertiesTooLarge: Refusal(amqp.INTERNAL_ERROR, 500),
    broker.QuotaExceeded: Refusal(amqp.RESOURCE_LIMIT_EXCEEDED, 403),
    broker.ServerBusy: Refusal(SERVER_BUSY, 503),
    broker.ArgumentError: Refusal(ARGUMENT_ERROR, 400),
    broker.ArgumentOutOfRange: Refusal("com.microsoft:argument-out-of-range", 400),
    broker.OperationNotAllowed: Refusal(amqp.NOT_ALLOWED, 400),
    broker.OperationNotSupported: Refusal(amqp.NOT_IMPLEMENTED, 501),
}


def amqp_error(error: broker.BrokerError) -> AmqpError:
    """The error to put into a rejected outcome, a detach or a refused attach."""
    return AmqpError(CONDITIONS[type(error)].condition, str(error))


def status_code(error: broker.BrokerError) -> int:
    """The status of a management response."""
    return CONDITIONS[type(error)].status
