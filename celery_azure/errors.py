"""What can go wrong with Service Bus, as callers of the transport see it.

ServiceBusError
├── UnreachableError      the namespace cannot be reached, or did not answer in time
├── BusyError             the namespace throttles
└── RefusedError          the namespace does not take this
    ├── NotFoundError         there is no such entity
    ├── UnauthorizedError     the rights do not suffice
    ├── FanoutOffError        nobody can be reached by fanout
    └── TooLargeError         the message is larger than a message may be
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery_azure.amqp.patience import BUSY_SECONDS, busy_seconds

if TYPE_CHECKING:
    from celery_azure.amqp.frames import AmqpError


class ServiceBusError(Exception):
    """Something went wrong with Service Bus.

    Attributes:
        condition: AMQP's name of it.
    """

    def __init__(self, text: str, condition: str = "") -> None:
        super().__init__(text, condition)
        self.text = text
        self.condition = condition

    def __str__(self) -> str:
        return self.text


class UnreachableError(ServiceBusError):
    """The namespace cannot be reached, or did not answer in time."""


class BusyError(ServiceBusError):
    """The namespace throttles.

    Attributes:
        seconds: How long it asks to be left alone.
    """

    def __init__(self, text: str, condition: str = "", seconds: float = BUSY_SECONDS) -> None:
        super().__init__(text, condition)
        self.seconds = seconds


class RefusedError(ServiceBusError):
    """The namespace does not take this."""


class NotFoundError(RefusedError):
    """There is no such entity."""


class UnauthorizedError(RefusedError):
    """The rights do not suffice."""


class FanoutOffError(RefusedError):
    """Nobody can be reached by fanout: it is off, or the namespace has no topics."""


class TooLargeError(RefusedError):
    """The message is larger than a message may be."""


_KINDS: dict[str, type[ServiceBusError]] = {
    "amqp:not-found": NotFoundError,
    "amqp:unauthorized-access": UnauthorizedError,
    "com.microsoft:auth-failed": UnauthorizedError,
    "amqp:link:message-size-exceeded": TooLargeError,
    "com.microsoft:server-busy": BusyError,
    "com.microsoft:timeout": UnreachableError,
    "amqp:connection:lost": UnreachableError,
    "amqp:connection:forced": UnreachableError,
    "amqp:link:detach-forced": UnreachableError,
}


def error_from(error: AmqpError) -> ServiceBusError:
    """The exception for what AMQP says."""
    kind = _KINDS.get(error.condition, RefusedError)
    if kind is BusyError:
        return BusyError(str(error), error.condition, busy_seconds(error))
    return kind(str(error), error.condition)
