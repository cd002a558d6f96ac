"""What is saved of messages, rules and descriptions, in the form in which it is saved.

Values that clients choose (annotations, properties, values in rules) keep their AMQP types by being
AMQP-encoded; no bytes from a file are ever executed or unpickled.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from servicebus_emulator.amqp.codec import decode_at, encode
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.types import Described, Symbol
from servicebus_emulator.broker.access import AccessKey, Right
from servicebus_emulator.broker.entities import (
    EntityDescription,
    EntityStatus,
    IntakeDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from servicebus_emulator.broker.errors import BrokerError
from servicebus_emulator.broker.facts import REMOVED
from servicebus_emulator.broker.message import Message, MessageState
from servicebus_emulator.broker.rules import (
    BooleanFilter,
    CorrelationFilter,
    Filter,
    Rule,
    SqlAction,
    SqlFilter,
)
from servicebus_emulator.nodes.message_mapping import PLAIN, Envelope

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_COMMON = 9  # fields of `more` before those of the envelope
_REMOVED = Symbol("removed")
_DATETIME = Symbol("datetime")
_TIMEDELTA = Symbol("timedelta")
KINDS: Final[Mapping[str, type[EntityDescription]]] = {
    "queue": QueueDescription,
    "topic": TopicDescription,
    "subscription": SubscriptionDescription,
}
"""The descriptions, by what is written of them."""


class InvalidRecordError(ValueError):
    """What was read is nothing that could have been written."""


_FAULTS = (
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError),
    *(BrokerError, DecodeError),
)
"""What reading something else raises: values of another shape than that which was written."""


class MessageRecord(NamedTuple):
    """A message; `more` holds what most messages have nothing of."""

    message_id: str
    session_id: str | None
    state: int
    size: int
    delivery_count: int
    enqueued_at: float
    expires_at: float | None
    more: bytes | None
    content: bytes


def write_message(message: Message) -> MessageRecord:
    """A message as it is saved; its lock is not."""
    envelope = message.envelope if isinstance(message.envelope, Envelope) else None
    more: list[Any] = [
        message.time_to_live,
        message.scheduled_enqueue_time,
        message.origin_sequence_number,
        message.hops,
        message.dead_letter_reason,
        message.dead_letter_description,
        message.dead_letter_source,
        _values(message.properties_to_modify) or None,
        _values(message.system_changes) if message.system_changes else None,
    ]
    if envelope is not None and envelope != PLAIN:
        more += [envelope.durable, envelope.priority, envelope.ttl]
        more += [dict(envelope.annotations), dict(envelope.delivery_annotations)]
    return MessageRecord(
        message.message_id,
        message.session_id,
        int(message.state),
        message.size,
        message.delivery_count,
        message.enqueued_at,
        message.expires_at,
        encode(more) if any(more) else None,
        message.content,
    )


def read_message(record: MessageRecord, sequence_number: int) -> Message:
    """A message that was saved.

    Raises:
        InvalidRecordError: It was not.
    """
    try:
        return _read_message(record, sequence_number)
    except _FAULTS as fault:
        raise InvalidRecordError(f"message {sequence_number}: {fault}") from fault


def write_rules(rules: Iterable[Rule]) -> bytes:
    """The rules of a subscription as they are saved."""
    return encode([_write_rule(rule) for rule in rules])


def read_rules(data: bytes) -> list[Rule]:
    """The rules that were saved.

    Raises:
        InvalidRecordError: They were not.
    """
    try:
        return [_read_rule(*fields) for fields in decode_at(data, 0)[0]]
    except _FAULTS as fault:
        raise InvalidRecordError(f"a rule: {fault}") from fault


def write_description(description: EntityDescription) -> str:
    """The properties of an entity as they are saved."""
    values = asdict(description)
    values["status"] = description.status.value
    if isinstance(description, IntakeDescription):
        rules = [_policy_values(policy) for policy in description.authorization_rules]
        values["authorization_rules"] = rules
    return json.dumps(values)


def read_description(kind: str, text: str) -> EntityDescription:
    """The properties that were saved.

    Args:
        kind: One of `KINDS`.
        text: What was written.

    Raises:
        InvalidRecordError: They were not.
    """
    try:
        values = json.loads(text)
        values["status"] = EntityStatus(values["status"])
        if "authorization_rules" in values:
            values["authorization_rules"] = tuple(
                _policy_of(policy) for policy in values["authorization_rules"]
            )
        return KINDS[kind](**values)
    except _FAULTS as fault:
        raise InvalidRecordError(f"a {kind}: {fault}") from fault


def write_policy(policy: AccessKey) -> str:
    """A shared access policy of the namespace as it is saved."""
    return json.dumps(_policy_values(policy))


def read_policy(text: str) -> AccessKey:
    """A policy that was saved.

    Raises:
        InvalidRecordError: It was not; the error holds no key.
    """
    try:
        return _policy_of(json.loads(text))
    except (KeyError, TypeError, ValueError) as fault:
        raise InvalidRecordError(f"a shared access policy: {type(fault).__name__}") from None


def _policy_values(policy: AccessKey) -> dict[str, Any]:
    return asdict(policy) | {"rights": policy.rights.value}


def _policy_of(values: dict[str, Any]) -> AccessKey:
    return AccessKey(**values | {"rights": Right(values["rights"])})


def _read_message(record: MessageRecord, sequence_number: int) -> Message:
    message = Message(
        message_id=record.message_id,
        session_id=record.session_id,
        content=record.content,
        size=record.size,
        sequence_number=sequence_number,
        enqueued_at=record.enqueued_at,
        expires_at=record.expires_at,
        state=MessageState(record.state),
        delivery_count=record.delivery_count,
    )
    message.envelope = PLAIN
    if record.more is None:
        return message
    fields = decode_at(record.more, 0)[0]
    common, envelope = fields[:_COMMON], fields[_COMMON:]
    (
        message.time_to_live,
        message.scheduled_enqueue_time,
        message.origin_sequence_number,
        message.hops,
        message.dead_letter_reason,
        message.dead_letter_description,
        message.dead_letter_source,
        modified,
        system,
    ) = common
    message.properties_to_modify = _read_values(modified or {})
    message.system_changes = None if system is None else _read_values(system)
    if envelope:
        message.envelope = Envelope(*envelope)
    return message


def _write_rule(rule: Rule) -> list[Any]:
    action = None if rule.action is None else [rule.action.text, _values(rule.action.parameters)]
    return [rule.name, rule.created_at, _write_filter(rule.filter), action]


def _write_filter(wanted: Filter) -> list[Any]:
    match wanted:
        case BooleanFilter(value=value):
            return ["boolean", value]
        case SqlFilter(text=text, parameters=parameters):
            return ["sql", text, _values(parameters)]
    return ["correlation", dict(wanted.system), _values(wanted.user)]


def _read_rule(name: str, created_at: float, wanted: list[Any], action: list[Any] | None) -> Rule:
    done = None if action is None else SqlAction(action[0], _read_values(action[1]))
    return Rule(name, _read_filter(*wanted), done, created_at)


def _read_filter(kind: str, *fields: Any) -> Filter:
    match kind, fields:
        case "boolean", (value,):
            return BooleanFilter(value)
        case "sql", (text, parameters):
            return SqlFilter(text, _read_values(parameters))
        case "correlation", (system, user):
            return CorrelationFilter(system, _read_values(user))
    raise InvalidRecordError(f"there is no filter '{kind}'")


def _values(values: Mapping[Any, Any] | None) -> dict[Any, Any]:
    """Values with those marked that AMQP has no type for."""
    return {key: _value(value) for key, value in (values or {}).items()}


def _value(value: Any) -> Any:
    if value is REMOVED:
        return Described(_REMOVED, None)
    if isinstance(value, datetime):
        return Described(_DATETIME, value.isoformat())
    if isinstance(value, timedelta):
        return Described(_TIMEDELTA, value.total_seconds())
    return value


def _read_values(values: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: _read_value(value) for key, value in values.items()}


def _read_value(value: Any) -> Any:
    match value:
        case Described(descriptor="removed"):
            return REMOVED
        case Described(descriptor="datetime", value=str(text)):
            return datetime.fromisoformat(text)
        case Described(descriptor="timedelta", value=float(seconds)):
            return timedelta(seconds=seconds)
    return value
