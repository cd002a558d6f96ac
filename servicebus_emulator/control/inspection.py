"""A look behind the counter, as JSON values: entities, messages with their holders, clients."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp import message as amqp_message
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.performatives import RECEIVER
from servicebus_emulator.broker.intake import NEVER
from servicebus_emulator.control.acts import entity_of
from servicebus_emulator.nodes.message_mapping import bare_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.amqp.message import BareMessage
    from servicebus_emulator.broker.message import Message
    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.broker.queue import Queue
    from servicebus_emulator.nodes.peer import Peer

PREVIEW_SIZE = 2000
_YEAR_10000 = 253_402_300_800


def entities(namespace: Namespace, now: float) -> list[dict[str, Any]]:
    """Every queue, topic and subscription, with the number of its messages by state."""
    found = [_entity("queue", queue, now) for queue in namespace.list_queues()]
    for topic in namespace.list_topics():
        found.append(_entity("topic", topic, now))
        for subscription in topic.subscriptions:
            document = _entity("subscription", subscription, now)
            document["rules"] = [rule.name for rule in subscription.rules]
            found.append(document)
    return found


def messages(queue: Queue, peers: Iterable[Peer], first: int, count: int, now: float) -> list[Any]:
    """Messages from a sequence number on, whatever their state, without any effect on them."""
    holders = _holders(peers)
    return [_message(message, holders) for message in queue.peek(first, count, now)]


def connections(peers: Iterable[Peer]) -> list[dict[str, Any]]:
    """The clients, by the order in which they came, with their links."""
    return [_connection(peer) for peer in sorted(peers, key=lambda peer: peer.number)]


def _entity(kind: str, entity: Any, now: float) -> dict[str, Any]:
    counts = entity.counts(now)
    return {
        "path": entity.path,
        "kind": kind,
        "status": entity.description.status.value,
        "active": counts.active,
        "deferred": counts.deferred,
        "scheduled": counts.scheduled,
        "dead_letter": counts.dead_letter,
        "locked": getattr(entity, "locked_count", 0),
        "size_in_bytes": counts.size_in_bytes,
        "created_at": _time(entity.created_at),
        "accessed_at": _time(entity.accessed_at),
    }


def _message(message: Message, holders: dict[bytes, dict[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {
        "sequence_number": message.sequence_number,
        "message_id": message.message_id,
        "state": message.state.name.casefold() if message.lock is None else "locked",
        "session_id": message.session_id,
        "delivery_count": message.delivery_count,
        "size": message.size,
        "enqueued_at": _time(message.enqueued_at),
        "scheduled_for": _time(message.scheduled_enqueue_time),
        "expires_at": _time(message.expires_at),
        "dead_letter_reason": message.dead_letter_reason,
        "dead_letter_description": message.dead_letter_description,
        "lock": None,
    }
    if message.lock is not None:
        token = message.lock.token
        document["lock"] = {
            "token": str(token),
            "until": _time(message.lock.until),
            "holder": holders.get(token.bytes_le),
        }
    return document | _content(message)


def _content(message: Message) -> dict[str, Any]:
    """What the message carries, as far as it can be shown."""
    try:
        bare = amqp_message.decode_bare(bare_of(message))
    except DecodeError as fault:
        return {"content": f"cannot be read: {fault}"}
    properties = bare.properties
    return {
        "subject": properties.subject if properties else None,
        "content_type": properties.content_type if properties else None,
        "correlation_id": _shown(properties.correlation_id) if properties else None,
        "application_properties": {
            str(name): _shown(value) for name, value in bare.application_properties.items()
        },
        "body": _body(bare),
    }


def _body(bare: BareMessage) -> str:
    """The beginning of the body, as text."""
    if bare.has_value:
        text = bare.value if isinstance(bare.value, str) else repr(bare.value)
    elif bare.sequences:
        text = repr(bare.sequences)
    else:
        data = b"".join(bare.data)
        text = data[: 4 * PREVIEW_SIZE].decode("utf-8", "backslashreplace")
    return text if len(text) <= PREVIEW_SIZE else f"{text[:PREVIEW_SIZE]}…"


def _connection(peer: Peer) -> dict[str, Any]:
    return {
        "id": peer.number,
        "container_id": peer.container_id,
        "address": peer.address,
        "state": peer.connection.state.name.casefold(),
        "sessions": len(peer.connection.sessions),
        "reads": peer.reads,
        "fate": None if peer.fate is None else peer.fate.value,
        "links": [_link(link) for link in peer.ends],
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "name": link.name,
        "entity": entity_of(link),
        "client_is": "sender" if link.role is RECEIVER else "receiver",
        "attached": link.attached,
        "credit": link.credit,
        "deliveries": link.delivery_count,
        "unsettled": sum(1 for other, _ in link.session.unsettled() if other is link),
    }


def _holders(peers: Iterable[Peer]) -> dict[bytes, dict[str, Any]]:
    """Who has which lock, by the bytes of its token, which are the delivery's tag."""
    return {
        tag: {"connection": peer.number, "container_id": peer.container_id, "link": link.name}
        for peer in peers
        for session in peer.connection.sessions.values()
        for link, tag in session.unsettled()
    }


def _shown(value: object) -> Any:
    """A value as JSON has it, as text where it has none."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _time(seconds: float | None) -> str | None:
    if seconds is None or not NEVER < seconds < _YEAR_10000:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat()
