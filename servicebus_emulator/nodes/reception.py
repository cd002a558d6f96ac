"""Where a client's link may end: the address names the node, the claims open it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.amqp import errors
from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.performatives import RECEIVER
from servicebus_emulator.amqp.transactions import is_coordinator
from servicebus_emulator.amqp.types import Described
from servicebus_emulator.broker.access import Right
from servicebus_emulator.broker.errors import BrokerError
from servicebus_emulator.nodes.address import MANAGEMENT_NODE, entity_path, management_of
from servicebus_emulator.nodes.cbs_node import CBS_NODE, CbsNode
from servicebus_emulator.nodes.conditions import amqp_error
from servicebus_emulator.nodes.request_node import (
    MAX_REQUEST_SIZE,
    REQUEST_CREDIT,
    ReplyOutlet,
    RequestInlet,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from servicebus_emulator.amqp.events import LinkAttached
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.amqp.performatives import Attach
    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.nodes.coordinator import Coordinator
    from servicebus_emulator.nodes.entity_nodes import EntityNodes
    from servicebus_emulator.nodes.link_end import LinkEnd
    from servicebus_emulator.nodes.peer import Peer
    from servicebus_emulator.nodes.request_node import RequestNode
    from servicebus_emulator.nodes.sas import KeyRing


class RefusedError(Exception):
    """The link may not be; `error` says why, for the client."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(description)
        self.error = AmqpError(condition, description)


class Reception:
    """Accepts links to nodes that exist, from clients that have proved their right to them."""

    def __init__(
        self,
        namespace: Namespace,
        entity_nodes: EntityNodes,
        keys: KeyRing,
        coordinator: Coordinator,
        new_id: Callable[[], UUID],
    ) -> None:
        self._namespace = namespace
        self._new_id = new_id
        self._entity_nodes = entity_nodes
        self._cbs = CbsNode(keys, namespace)
        self._coordinator = coordinator

    def receive(self, peer: Peer, event: LinkAttached, now: float) -> LinkEnd:
        """Accept a link that a client began.

        Raises:
            RefusedError: There is no such node, or it is closed to this client.
        """
        link = event.link
        if link.role == RECEIVER and is_coordinator(event.attach.target):
            return self._coordinator.attach(link, peer)
        path = entity_path(_address(link, event.attach))
        if path.casefold() == CBS_NODE:
            _check_first(peer, link)
            return _request_end(peer, link, self._cbs, CBS_NODE)
        entity = management_of(path)
        try:
            if entity is not None:
                return self._management_end(peer, link, entity)
            return self._entity_end(peer, link, path, now)
        except BrokerError as fault:
            error = amqp_error(fault)
            raise RefusedError(error.condition, error.description) from fault

    def _management_end(self, peer: Peer, link: Link, entity: str) -> LinkEnd:
        path = f"{entity}/{MANAGEMENT_NODE}"  # for which alone the SDK for Node.js puts a token
        if not any(peer.may(right, path) for right in Right):
            raise _unauthorized("Listen or Send", entity)
        self._namespace.resolve(entity)  # raises when there is no such entity
        from servicebus_emulator.nodes import management_node  # noqa: PLC0415 (few need it)

        node = management_node.ManagementNode(self._namespace, entity, self._new_id)
        return _request_end(peer, link, node, path.casefold())

    def _entity_end(self, peer: Peer, link: Link, path: str, now: float) -> LinkEnd:
        right = Right.SEND if link.role == RECEIVER else Right.LISTEN
        if not peer.may(right, path):
            raise _unauthorized(str(right.name).capitalize(), path)
        if link.role == RECEIVER:
            return self._entity_nodes.intake(path).attach_inlet(link, peer)
        return self._entity_nodes.outlet(path).attach_outlet(link, peer, now)


def _address(link: Link, attach: Attach) -> str:
    """What the client calls the node: the target where it sends, the source where it receives."""
    terminus = attach.target if link.role == RECEIVER else attach.source
    if isinstance(terminus, Described):
        text = "There is no target of this kind."
        raise RefusedError(errors.NOT_IMPLEMENTED, text)
    if terminus is None or not terminus.address:
        text = "The link names no entity: its address is missing."
        raise RefusedError(errors.INVALID_FIELD, text)
    return terminus.address


def _check_first(peer: Peer, link: Link) -> None:
    """See that a connection has one link to `$cbs` in each direction, as in the service.

    Clients that lost theirs without a word then begin a new connection.

    Raises:
        RefusedError: It has one already.
    """
    wanted = RequestInlet if link.role == RECEIVER else ReplyOutlet
    for end in peer.ends.values():
        if isinstance(end, wanted) and end.node_key == CBS_NODE:
            raise RefusedError(errors.NOT_ALLOWED, "$cbs node has already been opened.")


def _request_end(peer: Peer, link: Link, node: RequestNode, node_key: str) -> LinkEnd:
    if link.role == RECEIVER:
        link.accept(max_message_size=MAX_REQUEST_SIZE, credit_window=REQUEST_CREDIT)
        return RequestInlet(link, peer, node, node_key)
    link.accept()
    return ReplyOutlet(link, peer, node_key)


def _unauthorized(right: str, path: str) -> RefusedError:
    return RefusedError(
        errors.UNAUTHORIZED_ACCESS,
        f"Unauthorized access. '{right}' claim(s) are required to perform this operation on "
        f"'{path}'. Put a token that grants them on the $cbs node first.",
    )
