"""`$cbs`: claims-based security, by which a client proves on the connection what it may do.

Source: AMQP Claims-based Security 1.0 (OASIS working draft), put-token; and
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.amqp.types import Int
from servicebus_emulator.broker.errors import EntityNotFound
from servicebus_emulator.nodes.address import entity_path, management_of
from servicebus_emulator.nodes.request_node import response
from servicebus_emulator.nodes.sas import InvalidTokenError

if TYPE_CHECKING:
    from servicebus_emulator.amqp.message import BareMessage
    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.nodes.peer import Peer
    from servicebus_emulator.nodes.sas import KeyRing

CBS_NODE = "$cbs"
_ACCEPTED = 202
_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_NOT_IMPLEMENTED = 501


class CbsNode:
    """Checks tokens and remembers with the peer what they proved.

    Args:
        keys: The namespace's access keys.
        namespace: Where the entities are for which tokens are put.
    """

    def __init__(self, keys: KeyRing, namespace: Namespace) -> None:
        self._keys = keys
        self._namespace = namespace

    def answer(self, request: BareMessage, peer: Peer, now: float) -> BareMessage:
        """Put a token; the type that the client gives it does not matter, its content does.

        The Python SDK calls a shared access signature a `jwt`. Who may use an entity that does
        not exist is told so here already, as the service does.
        """
        del now  # tokens are minted, and so judged, by the clients' clock
        asked = request.application_properties
        if asked.get("operation") != "put-token":
            return _status(_NOT_IMPLEMENTED, "Only put-token is supported by this emulator.")
        audience, token = asked.get("name"), request.value
        if not isinstance(audience, str) or not isinstance(token, str):
            return _status(_BAD_REQUEST, "put-token needs a name, and the token as a string.")
        try:
            claim = self._keys.claim_of_token(token, audience, peer.real_now)
        except InvalidTokenError as refusal:
            return _status(_UNAUTHORIZED, str(refusal))
        path = entity_path(audience)
        if path:  # otherwise it is the whole namespace
            try:
                self._namespace.resolve(management_of(path) or path)
            except EntityNotFound as missing:
                return _status(_NOT_FOUND, str(missing))
        peer.grant(claim)
        return _status(_ACCEPTED, "Accepted")

    def refusal(self, status: int, condition: str, description: str) -> BareMessage:
        """A response that says no."""
        del condition  # the protocol has no place for it
        return _status(status, description)


def _status(code: int, description: str) -> BareMessage:
    return response(None, {"status-code": Int(code), "status-description": description})
