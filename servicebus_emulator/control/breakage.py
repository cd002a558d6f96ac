"""What a fault does to a client: a refusal with a condition, or the end of a link or connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.amqp import errors, events
from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.outcomes import Rejected
from servicebus_emulator.nodes.conditions import SERVER_BUSY
from servicebus_emulator.nodes.request_node import RequestInlet
from servicebus_emulator.nodes.watch import Fate

if TYPE_CHECKING:
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.control.faults import Fault
    from servicebus_emulator.nodes.peer import Peer

_USUAL = {
    "refuse": (errors.INTERNAL_ERROR, "The service was unable to process the request."),
    "throttle": (
        SERVER_BUSY,
        (
            "The request was terminated because the namespace is being throttled. "
            "Error code : 50009. Please wait 4 seconds and try again."
        ),
    ),
    "close": (errors.CONNECTION_FORCED, "The connection was closed by a fault."),
    "detach": (errors.DETACH_FORCED, "The link was detached by a fault."),
    "expire-tokens": (errors.UNAUTHORIZED_ACCESS, "ExpiredToken: the token is expired."),
}
_STATUSES = {
    SERVER_BUSY: 503,
    errors.NOT_FOUND: 404,
    errors.UNAUTHORIZED_ACCESS: 401,
    "com.microsoft:message-lock-lost": 410,
    "com.microsoft:session-lock-lost": 410,
    "com.microsoft:timeout": 408,
}
_SERVER_ERROR = 500


def status_of(error: AmqpError) -> int:
    """The status that goes with an error where requests are answered by status."""
    return _STATUSES.get(error.condition, _SERVER_ERROR)


def error_of(fault: Fault) -> AmqpError:
    """The error that a client is told."""
    condition, description = _USUAL[fault.action]
    if fault.operation == "authenticate" and fault.action == "refuse":
        condition, description = errors.UNAUTHORIZED_ACCESS, "InvalidSignature: refused by a fault."
    return AmqpError(fault.condition or condition, fault.description or description)


def refuse(peer: Peer, event: events.Event, fault: Fault) -> None:
    """Tell a client that what it asked for is not done."""
    error = error_of(fault)
    match event:
        case events.AuthenticationRequested():
            peer.connection.authenticate(accepted=False)
        case events.LinkAttached():
            event.link.refuse(error)
        case events.DeliveryReceived():
            _refuse_delivery(peer, event, error)
        case events.DispositionReceived():
            for delivery_id in event.deliveries:
                event.link.settle(delivery_id, outcome=Rejected(error))
        case _:
            raise TypeError(f"nothing to refuse about {event!r}")


def _refuse_delivery(peer: Peer, event: events.DeliveryReceived, error: AmqpError) -> None:
    end = peer.ends.get(event.link)
    if isinstance(end, RequestInlet):
        end.refuse(event, status_of(error), error.condition, error.description)
    elif not event.settled:
        event.link.settle(event.delivery_id, outcome=Rejected(error))


def break_off(peer: Peer, link: Link | None, fault: Fault, now: float) -> None:
    """End a client's link or connection, or its transport."""
    if fault.action == "drop":
        peer.fate = Fate.DROP
    elif fault.action == "half-open":
        peer.fate = Fate.HALF_OPEN
    elif fault.action == "close" or link is None:  # who signs in with SASL has no link yet
        peer.connection.close(error_of(fault))
        for other in tuple(peer.ends):
            peer.forget(other, now)
    else:
        link.detach(error_of(fault))
        peer.forget(link, now)
