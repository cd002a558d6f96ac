"""A client's event in the words by which faults are looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.amqp import events, message, sections
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.performatives import RECEIVER, Source, Target
from servicebus_emulator.control.faults import Act
from servicebus_emulator.nodes.address import MANAGEMENT_NODE, entity_path, management_of
from servicebus_emulator.nodes.cbs_node import CBS_NODE

if TYPE_CHECKING:
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.nodes.peer import Peer


def act_of(peer: Peer, event: events.Event) -> Act | None:
    """What a client does by this event; None for what no fault happens to."""
    client = peer.container_id
    match event:
        case events.ConnectionOpened():
            return Act("open", event.container_id)
        case events.AuthenticationRequested():
            return Act("authenticate", client, name="plain")
        case events.LinkAttached():
            return _on_link("attach", client, event.link)
        case events.DeliveryReceived():
            return _delivery(client, event)
        case events.DispositionReceived():
            name = type(event.outcome).__name__.casefold()
            return _on_link("settle", client, event.link, name)
        case _:
            return None


def entity_of(link: Link) -> str:
    """The entity that a client's link leads to; `$cbs` for that node."""
    path = _path(link)
    return management_of(path) or path


def _on_link(operation: str, client: str, link: Link, name: str = "") -> Act:
    if operation == "attach" and management_of(_path(link)) is not None:
        name = MANAGEMENT_NODE
    return Act(operation, client, entity_of(link), link.name, name)


def _delivery(client: str, event: events.DeliveryReceived) -> Act:
    path = _path(event.link)
    if path.casefold() == CBS_NODE:
        audience = _application_property(event, "name")
        return Act("authenticate", client, entity_path(audience), event.link.name, "put-token")
    entity = management_of(path)
    if entity is not None:
        name = _application_property(event, "operation")
        return Act("request", client, entity, event.link.name, name)
    return Act("send", client, path, event.link.name)


def _application_property(event: events.DeliveryReceived, name: str) -> str:
    try:
        request = message.decode_bare(sections.split(event.payload).bare)
    except DecodeError:
        return ""  # the node will tell the client
    value = request.application_properties.get(name)
    return value if isinstance(value, str) else ""


def _path(link: Link) -> str:
    if link.remote is None:
        return ""
    terminus = link.remote.target if link.role == RECEIVER else link.remote.source
    address = terminus.address if isinstance(terminus, Source | Target) else None
    return entity_path(address or "")
