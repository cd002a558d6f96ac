"""`<entity>/$management`: what cannot be done with a link of its own is asked for here.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp import errors
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.types import Int, Symbol
from servicebus_emulator.broker.errors import BrokerError
from servicebus_emulator.nodes.address import MANAGEMENT_NODE
from servicebus_emulator.nodes.calls import BadRequestError, Call
from servicebus_emulator.nodes.conditions import ARGUMENT_ERROR, amqp_error, status_code
from servicebus_emulator.nodes.management_operations import OPERATIONS
from servicebus_emulator.nodes.request_node import response

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from servicebus_emulator.amqp.message import BareMessage
    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.nodes.peer import Peer

_OK = 200
_NO_CONTENT = 204
_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_NOT_IMPLEMENTED = 501


class ManagementNode:
    """Answers the management requests for one entity.

    Args:
        namespace: Where the entity is looked up anew for each request: it may be deleted between.
        path: The entity.
        new_id: Makes identities for scheduled messages that came without.
    """

    def __init__(
        self,
        namespace: Namespace,
        path: str,
        new_id: Callable[[], UUID],
    ) -> None:
        self._namespace = namespace
        self._path = path
        self._new_id = new_id

    def answer(self, request: BareMessage, peer: Peer, now: float) -> BareMessage:
        """Carry out an operation; a refusal is a response as well, with status and condition."""
        name = request.application_properties.get("operation")
        operation = OPERATIONS.get(name) if isinstance(name, str) else None
        if operation is None:
            return _refusal(_NOT_IMPLEMENTED, errors.NOT_IMPLEMENTED, _unsupported(name))
        if not peer.may(operation.right, f"{self._path}/{MANAGEMENT_NODE}"):
            text = f"The claim to {operation.right.name} is required for {name}."
            return _refusal(_UNAUTHORIZED, errors.UNAUTHORIZED_ACCESS, text)
        body = request.value if isinstance(request.value, dict) else {}
        try:
            entity = self._namespace.resolve(self._path)
            if operation.cost:
                entity.throttle(operation.cost, now)
            result = operation.run(Call(entity, body, now, self._new_id))
        except BrokerError as fault:
            error = amqp_error(fault)
            return _refusal(status_code(fault), error.condition, error.description)
        except (BadRequestError, DecodeError) as fault:
            return _refusal(_BAD_REQUEST, ARGUMENT_ERROR, str(fault))
        return _done(result)

    def refusal(self, status: int, condition: str, description: str) -> BareMessage:
        """A response that says no."""
        return _refusal(status, condition, description)


def _done(result: dict[str, Any] | None) -> BareMessage:
    if result is None:
        return _response(_NO_CONTENT, "NoContent", None)
    return _response(_OK, "OK", result)


def _refusal(status: int, condition: str, description: str) -> BareMessage:
    refusal = _response(status, description, {})
    refusal.application_properties["errorCondition"] = Symbol(condition)
    return refusal


def _response(status: int, description: str, body: dict[str, Any] | None) -> BareMessage:
    properties = {"statusCode": Int(status), "statusDescription": description}
    return response(body, properties)


def _unsupported(name: object) -> str:
    return f"The operation {name!r} is not known to this emulator."
