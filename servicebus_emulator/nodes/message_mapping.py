"""AMQP messages into broker messages, and back with what the broker knows about them.

The bare message (properties, application properties, body, footer) is kept as the bytes that the
client sent. Only the sections before it are written anew, unless the broker has something to add to
the application properties: a dead-letter reason, or properties changed at settlement.
Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp import message as amqp_message
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.message import Header, Properties
from servicebus_emulator.amqp.sections import split
from servicebus_emulator.amqp.types import Symbol
from servicebus_emulator.broker.facts import REMOVED, Facts, FilterError
from servicebus_emulator.broker.message import Message
from servicebus_emulator.nodes import broker_annotations
from servicebus_emulator.nodes.property_values import encodable, moment, plain
from servicebus_emulator.plain_data import Value

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

BATCH_FORMAT = 0x8001_3700
"""The message format of a delivery whose data sections are messages."""

DEAD_LETTER_REASON = "DeadLetterReason"
DEAD_LETTER_DESCRIPTION = "DeadLetterErrorDescription"

_SCHEDULED = Symbol("x-opt-scheduled-enqueue-time")
_DEAD_LETTER_SOURCE = Symbol("x-opt-deadletter-source")

_PARTITION_KEY = Symbol("x-opt-partition-key")
_VIA_PARTITION_KEY = Symbol("x-opt-via-partition-key")

_FIELD_OF = {
    "ContentType": "content_type",
    "CorrelationId": "correlation_id",
    "MessageId": "message_id",
    "ReplyTo": "reply_to",
    "ReplyToSessionId": "reply_to_group_id",
    "SessionId": "group_id",
    "Subject": "subject",
    "To": "to",
}

# Annotations that are the broker's to write; a client that forwards a received message sends
# those of the message's former life.
_OWNED = frozenset(
    {
        broker_annotations.ENQUEUED,
        broker_annotations.SEQUENCE_NUMBER,
        broker_annotations.ENQUEUE_SEQUENCE_NUMBER,
        broker_annotations.LOCKED_UNTIL,
        broker_annotations.STATE,
        _DEAD_LETTER_SOURCE,
    }
)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Envelope(Value):
    """What the client wrote around the bare message and gets back, beside the broker's own."""

    durable: bool = False
    priority: int = 4
    ttl: int | None = None  # milliseconds
    annotations: dict[Any, Any] = field(default_factory=dict)
    delivery_annotations: dict[Any, Any] = field(default_factory=dict)

    def facts(self, message: Message, new_id: Callable[[], UUID]) -> Facts:
        """The properties of a message, for the rules of subscriptions.

        Raises:
            FilterError: They cannot be decoded.
        """
        try:
            properties = amqp_message.decode_properties(message.content)
            sent = amqp_message.decode_application_properties(message.content)
        except DecodeError as fault:
            raise FilterError(f"The message's properties are malformed: {fault}.") from fault
        user = {key: plain(value) for key, value in (sent | message.properties_to_modify).items()}
        system = _system_facts(message, properties, self.annotations)
        system.update(message.system_changes or {})
        return Facts(new_id, _present(system), _present(user, null=True))


PLAIN = Envelope()
"""Of a message around which the client wrote nothing."""


def to_broker(payload: bytes, new_message_id: Callable[[], UUID]) -> Message:
    """A broker message from one encoded AMQP message.

    Args:
        payload: All sections of the message.
        new_message_id: Makes the identity of a message that came without.

    Raises:
        DecodeError: The bytes are no message.
    """
    plain = amqp_message.identity_of_plain(payload)
    if plain is not None:
        message_id, session_id = plain
        return Message(message_id, payload, len(payload), session_id, envelope=PLAIN)
    return _any_to_broker(payload, new_message_id)


def _any_to_broker(payload: bytes, new_message_id: Callable[[], UUID]) -> Message:
    """As `to_broker`, whatever sections the message has."""
    sections = split(payload)
    content = sections.bare
    is_usual = len(payload) - len(content) <= _MOST_REMEMBERED
    envelope, scheduled = (_usual_envelope if is_usual else _envelope)(
        sections.header, sections.delivery_annotations, sections.message_annotations
    )
    message_id, session_id = None, None
    if sections.has_properties:
        message_id, session_id = amqp_message.decode_identity(content)
    if message_id is None:
        message_id = new_message_id().hex
        content = (
            _with_message_id(content, message_id)
            if sections.has_properties
            else _ID_START + message_id.encode() + _ID_END + content
        )
    return Message(
        message_id=str(message_id),
        session_id=session_id,
        time_to_live=None if envelope.ttl is None else envelope.ttl / 1000,
        scheduled_enqueue_time=scheduled,
        content=content,
        size=len(payload),
        envelope=envelope,
    )


def batch_to_broker(payload: bytes, new_message_id: Callable[[], UUID]) -> list[Message]:
    """The messages of a batch (message format `BATCH_FORMAT`).

    Raises:
        DecodeError: The bytes are no batch.
    """
    bare = split(payload).bare
    return [to_broker(part, new_message_id) for part in amqp_message.data_sections(bare)]


def to_wire(message: Message, *, peeked: bool = False) -> bytes:
    """The encoded AMQP message for a receiver; `peeked` keeps a lock of somebody else secret."""
    envelope = message.envelope if isinstance(message.envelope, Envelope) else PLAIN
    lock = None if peeked else message.lock
    header = _encoded_header(
        envelope.durable, envelope.priority, envelope.ttl, message.delivery_count
    )
    if not (envelope.annotations or envelope.delivery_annotations):
        sections = broker_annotations.encode_sections(message, lock)
        if sections is not None:
            return header + sections + bare_of(message)
    for_receiver = envelope.delivery_annotations
    if lock is not None:
        for_receiver = {**for_receiver, broker_annotations.LOCK_TOKEN: lock.token}
    described = {**envelope.annotations, **broker_annotations.annotations_of(message, lock)}
    return header + amqp_message.join(None, for_receiver, described, bare_of(message))


@lru_cache(maxsize=256)
def _encoded_header(durable: bool, priority: int, ttl: int | None, delivery_count: int) -> bytes:
    header = Header(durable, priority, ttl, delivery_count=delivery_count)
    return amqp_message.join(header, None, None, b"")


def _envelope(header: bytes, delivery: bytes, message: bytes) -> tuple[Envelope, float | None]:
    """What to keep of the sections before the bare message, and the time it is scheduled for."""
    if not (header or delivery or message):
        return PLAIN, None
    fields = amqp_message.decode_header(header)
    written = amqp_message.decode_annotations(message)
    scheduled = written.get(_SCHEDULED)
    kept = {key: value for key, value in written.items() if key not in _OWNED}
    return (
        Envelope(
            fields.durable,
            fields.priority,
            fields.ttl,
            kept,
            amqp_message.decode_annotations(delivery),
        ),
        scheduled / 1000 if isinstance(scheduled, int) else None,
    )


_MOST_REMEMBERED = 128  # bytes; most clients write the same few around all of their messages
_usual_envelope = lru_cache(maxsize=256)(_envelope)


_AN_ID = "0" * 32
_ID_START, _ID_END = amqp_message.encode_bare(
    amqp_message.BareMessage(properties=Properties(message_id=_AN_ID))
).split(_AN_ID.encode())


def _with_message_id(bare: bytes, message_id: str) -> bytes:
    decoded = amqp_message.decode_bare(bare)
    properties = decoded.properties or Properties()
    decoded.properties = replace(properties, message_id=message_id)
    return amqp_message.encode_bare(decoded)


def bare_of(message: Message) -> bytes:
    """The bare message as receivers get it, with what the broker adds to its properties."""
    if message.is_as_sent:
        return message.content
    added = {key: encodable(value) for key, value in message.properties_to_modify.items()}
    if message.dead_letter_reason is not None:
        added[DEAD_LETTER_REASON] = message.dead_letter_reason
    if message.dead_letter_description is not None:
        added[DEAD_LETTER_DESCRIPTION] = message.dead_letter_description
    decoded = amqp_message.decode_bare(message.content)
    changed = {**decoded.application_properties, **added}
    decoded.application_properties = _present(changed, null=True)
    if message.system_changes:
        changes = {
            _FIELD_OF[name]: None if value is REMOVED else value
            for name, value in message.system_changes.items()
        }
        decoded.properties = replace(decoded.properties or Properties(), **changes)
    return amqp_message.encode_bare(decoded)


def _system_facts(
    message: Message, properties: Properties, annotations: dict[Any, Any]
) -> dict[str, Any]:
    facts: dict[str, Any] = {
        name: plain(getattr(properties, attribute)) for name, attribute in _FIELD_OF.items()
    }
    for name in ("MessageId", "CorrelationId"):
        facts[name] = None if facts[name] is None else str(facts[name])
    return facts | {
        "DeliveryCount": message.delivery_count,
        "EnqueuedSequenceNumber": message.origin_sequence_number or message.sequence_number,
        "EnqueuedTimeUtc": moment(message.enqueued_at),
        "ExpiresAtUtc": None if message.expires_at is None else moment(message.expires_at),
        "PartitionKey": plain(annotations.get(_PARTITION_KEY)),
        "ScheduledEnqueueTimeUtc": plain(annotations.get(_SCHEDULED)),
        "SequenceNumber": message.sequence_number,
        "Size": message.size,
        "TimeToLive": message.time_to_live,
        "TransactionPartitionKey": plain(annotations.get(_VIA_PARTITION_KEY)),
    }


def _present(values: dict[Any, Any], *, null: bool = False) -> dict[Any, Any]:
    """Without those that were removed; without those that have no value, too, unless `null`."""
    return {
        key: value
        for key, value in values.items()
        if value is not REMOVED and (null or value is not None)
    }
