"""Rules as the management node reads and writes them.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-request-response,
rule operations; the descriptor codes are those that the SDKs look for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp.types import Described, Int, Timestamp, ULong
from servicebus_emulator.broker.errors import ArgumentError
from servicebus_emulator.broker.rules import (
    BooleanFilter,
    CorrelationFilter,
    Filter,
    Rule,
    SqlAction,
    SqlFilter,
)
from servicebus_emulator.nodes.calls import BadRequestError, field
from servicebus_emulator.nodes.property_values import encodable, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

RULE = ULong(0x0000_0137_0000_0004)
_EMPTY_ACTION = ULong(0x0000_0137_0000_0005)
_SQL_ACTION = ULong(0x0000_0137_0000_0006)
_SQL_FILTER = ULong(0x0000_0013_7000_0006)
_TRUE_FILTER = ULong(0x0000_0013_7000_0007)
_FALSE_FILTER = ULong(0x0000_0013_7000_0008)
_CORRELATION_FILTER = ULong(0x0000_0013_7000_0009)
_COMPATIBILITY_LEVEL = Int(20)

_CORRELATION_FIELDS = {
    "correlation-id": "CorrelationId",
    "message-id": "MessageId",
    "to": "To",
    "reply-to": "ReplyTo",
    "label": "Subject",
    "session-id": "SessionId",
    "reply-to-session-id": "ReplyToSessionId",
    "content-type": "ContentType",
}
"""In the order in which a described filter lists them."""


def read_rule(name: str, description: Mapping[Any, Any], now: float) -> Rule:
    """A rule from the request of add-rule.

    Raises:
        BadRequestError: A field is missing or of another type.
        ArgumentError: An expression breaks the grammar.
    """
    action = description.get("sql-rule-action")
    text = field(action, "expression", str) if isinstance(action, dict) else ""
    return Rule(name, _read_filter(description), SqlAction(text) if text.strip() else None, now)


def write_rule(rule: Rule) -> Described:
    """A rule for the response of enumerate-rules."""
    action = Described(_EMPTY_ACTION, [])
    if rule.action is not None:
        action = Described(_SQL_ACTION, [rule.action.text, _COMPATIBILITY_LEVEL])
    created = Timestamp(round(rule.created_at * 1000))
    return Described(RULE, [_write_filter(rule.filter), action, rule.name, created])


def _read_filter(description: Mapping[Any, Any]) -> Filter:
    sql, correlation = description.get("sql-filter"), description.get("correlation-filter")
    if isinstance(sql, dict):
        return SqlFilter(field(sql, "expression", str))
    if not isinstance(correlation, dict):
        if "true-filter" in description:
            return BooleanFilter()
        if "false-filter" in description:
            return BooleanFilter(value=False)
        raise BadRequestError("The rule has neither a sql-filter nor a correlation-filter.")
    user = correlation.get("properties") or {}
    if not isinstance(user, dict):
        raise BadRequestError("The field 'properties' of the correlation-filter is no map.")
    system: dict[str, str] = {}
    for key, name in _CORRELATION_FIELDS.items():
        value = correlation.get(key)
        if value is not None:
            system[name] = str(value)
    return CorrelationFilter(system, {key: plain(value) for key, value in user.items()})


def _write_filter(wanted: Filter) -> Described:
    match wanted:
        case BooleanFilter(value=True):
            return Described(_TRUE_FILTER, [])
        case BooleanFilter():
            return Described(_FALSE_FILTER, [])
        case CorrelationFilter(system=system, user=user):
            properties = {key: encodable(value) for key, value in user.items()}
            fields: list[Any] = [system.get(name) for name in _CORRELATION_FIELDS.values()]
            return Described(_CORRELATION_FILTER, [*fields, properties])
        case SqlFilter(text=text):
            return Described(_SQL_FILTER, [text, _COMPATIBILITY_LEVEL])
    raise ArgumentError("The rule's filter is of no known kind.")  # pragma: no cover
