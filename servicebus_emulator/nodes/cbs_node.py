"""`$cbs`: claims-based security, by which a client proves on the connection what it may do.

Source: AMQP Claims-based Security 1.0 (OASIS working draft), put-token; and
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.amqp.types import Int
from servicebus_emulator.nodes.request_node import response
from servicebus_emulator.nodes.sas import InvalidTokenError

if TYPE_CHECKING:
    from servicebus_emulator.amqp.message import BareMessage
    from servicebus_emulator.nodes.peer import Peer
    from servicebus_emulator.nodes.sas import KeyRing

CBS_NODE = "$cbs"
_ACCEPTED = 202
_BAD_REQUEST = 400
_UNAUTHORIZED = 401
_NOT_IMPLEMENTED = 501


class CbsNode:
    """Checks tokens and remembers with the peer what they proved.

    Args:
        keys: The namespace's access keys.
    """

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def answer(self, request: BareMessage, peer: Peer, now: float) -> BareMessage:
        """Put a token; the type that the client gives it does not matter, its content does.

        The Python SDK calls a shared access signature a `jwt`.
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
        peer.grant(claim)
        return _status(_ACCEPTED, "Accepted")

    def refusal(self, status: int, condition: str, description: str) -> BareMessage:
        """A response that says no."""
        del condition  # the protocol has no place for it
        return _status(status, description)


def _status(code: int, description: str) -> BareMessage:
    return response(None, {"status-code": Int(code), "status-description": description})
