"""Rules as documents, and the rules that clients want, read from such.

Source: https://learn.microsoft.com/rest/api/servicebus/rules
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from servicebus_emulator.admin.atom import (
    SERVICE_BUS,
    TYPE,
    Entry,
    InvalidDocumentError,
    timestamp,
)
from servicebus_emulator.admin.durations import format_duration, parse_duration
from servicebus_emulator.admin.properties import format_bool, parse_bool
from servicebus_emulator.broker.rules import (
    BooleanFilter,
    CorrelationFilter,
    Filter,
    Rule,
    SqlAction,
    SqlFilter,
)
from servicebus_emulator.broker.sql.values import HIGHEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

KIND = "RuleDescription"
_SCHEMA = "http://www.w3.org/2001/XMLSchema"
_LEVEL = "20"

_SYSTEM_FIELDS = {
    "CorrelationId": "CorrelationId",
    "MessageId": "MessageId",
    "To": "To",
    "ReplyTo": "ReplyTo",
    "Label": "Subject",
    "SessionId": "SessionId",
    "ReplyToSessionId": "ReplyToSessionId",
    "ContentType": "ContentType",
}
"""The elements of a correlation filter, and what the broker calls the properties."""


def _span(text: str) -> timedelta:
    return timedelta(seconds=parse_duration(text))


def _integer(text: str) -> int:
    value = int(text)
    if not -HIGHEST - 1 <= value <= HIGHEST:
        raise ValueError("an integer has at most 64 bits")
    return value


_READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "int": _integer,
    "long": _integer,
    "short": _integer,
    "byte": _integer,
    "unsignedByte": _integer,
    "unsignedShort": _integer,
    "unsignedInt": _integer,
    "unsignedLong": _integer,
    "double": float,
    "float": float,
    "decimal": float,
    "boolean": parse_bool,
    "dateTime": datetime.fromisoformat,
    "duration": _span,
}


def read_rule(name: str | None, kind: str, children: Mapping[str, ET.Element], now: float) -> Rule:
    """A rule from a document.

    Args:
        name: How the rule is called; None when the document says it.
        kind: The name of the element around the rule.
        children: Its elements by name.
        now: When the rule is made.

    Raises:
        InvalidDocumentError: It is no rule, or a part is missing or malformed.
        ArgumentError: An expression breaks the grammar.
    """
    if kind != KIND:
        raise InvalidDocumentError(f"A {KIND} is expected here, not a {kind}.")
    name = name or (children["Name"].text or "" if "Name" in children else "")
    wanted = children.get("Filter")
    condition = BooleanFilter() if wanted is None else _read_filter(wanted)
    return Rule(name, condition, _read_action(children.get("Action")), now)


def rule_entry(rule: Rule, holder: str) -> Entry:
    """The document of a rule."""
    fields: list[tuple[str, str | ET.Element | None]] = [
        ("Filter", _filter_element(rule.filter)),
        ("Action", _action_element(rule.action)),
        ("CreatedAt", timestamp(rule.created_at)),
        ("Name", rule.name),
    ]
    return Entry(
        f"{holder}/Rules/{rule.name}", rule.name, KIND, fields, rule.created_at, rule.created_at
    )


def _read_filter(element: ET.Element) -> Filter:
    match _type_of(element):
        case "TrueFilter":
            return BooleanFilter()
        case "FalseFilter":
            return BooleanFilter(value=False)
        case "SqlFilter":
            return SqlFilter(_text(element, "SqlExpression"), dict(_pairs(element, "Parameters")))
        case "CorrelationFilter":
            found = {name: _text(element, key) for key, name in _SYSTEM_FIELDS.items()}
            system = {name: text for name, text in found.items() if text}
            return CorrelationFilter(system, dict(_pairs(element, "Properties")))
        case kind:
            raise InvalidDocumentError(f"There is no filter of the type '{kind[:40]}'.")


def _read_action(element: ET.Element | None) -> SqlAction | None:
    kind = "EmptyRuleAction" if element is None else _type_of(element)
    if element is None or kind == "EmptyRuleAction":
        return None
    if kind != "SqlRuleAction":
        raise InvalidDocumentError(f"There is no action of the type '{kind[:40]}'.")
    text = _text(element, "SqlExpression")
    return SqlAction(text, dict(_pairs(element, "Parameters"))) if text.strip() else None


def _type_of(element: ET.Element) -> str:
    return element.get(TYPE, "").rpartition(":")[2]


def _text(element: ET.Element, name: str) -> str:
    return element.findtext(f"{{{SERVICE_BUS}}}{name}") or ""


def _pairs(element: ET.Element, name: str) -> Iterator[tuple[str, Any]]:
    container = element.find(f"{{{SERVICE_BUS}}}{name}")
    for pair in () if container is None else container:
        value = pair.find(f"{{{SERVICE_BUS}}}Value")
        if value is None:
            raise InvalidDocumentError(f"An entry of {name} has no value.")
        key, kind, text = _text(pair, "Key"), _type_of(value), value.text or ""
        read = _READERS.get(kind)
        if read is None:
            raise InvalidDocumentError(f"The type '{kind[:40]}' of {key[:100]} is not known.")
        try:
            yield key, read(text)
        except ValueError as fault:
            raise InvalidDocumentError(
                f"The value of {key[:100]} is malformed: {fault}."
            ) from fault


def _filter_element(wanted: Filter) -> ET.Element:
    match wanted:
        case BooleanFilter(value=value):
            text = "1=1" if value else "1>1"
            return _sql("Filter", "TrueFilter" if value else "FalseFilter", text, {})
        case SqlFilter(text=text, parameters=parameters):
            return _sql("Filter", "SqlFilter", text, parameters)
    element = _typed("Filter", "CorrelationFilter")
    for key, name in _SYSTEM_FIELDS.items():
        if name in wanted.system:
            _child(element, key).text = wanted.system[name]
    _put_pairs(_child(element, "Properties"), wanted.user)
    return element


def _action_element(action: SqlAction | None) -> ET.Element:
    if action is None:
        return _typed("Action", "EmptyRuleAction")
    return _sql("Action", "SqlRuleAction", action.text, action.parameters)


def _sql(name: str, kind: str, text: str, parameters: Mapping[str, Any]) -> ET.Element:
    element = _typed(name, kind)
    _child(element, "SqlExpression").text = text
    _child(element, "CompatibilityLevel").text = _LEVEL
    if parameters:
        _put_pairs(_child(element, "Parameters"), parameters)
    return element


def _typed(name: str, kind: str) -> ET.Element:
    return ET.Element(f"{{{SERVICE_BUS}}}{name}", {TYPE: kind})


def _child(element: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(element, f"{{{SERVICE_BUS}}}{name}")


def _put_pairs(element: ET.Element, pairs: Mapping[str, Any]) -> None:
    for key, value in pairs.items():
        pair = _child(element, "KeyValueOfstringanyType")
        _child(pair, "Key").text = key
        kind, text = _written(value)
        written = _child(pair, "Value")
        written.set("xmlns:d6p1", _SCHEMA)
        written.set(TYPE, f"d6p1:{kind}")
        written.text = text


def _written(value: Any) -> tuple[str, str]:
    match value:
        case bool():
            return "boolean", format_bool(value)
        case int():
            return ("int" if -(2**31) <= value < 2**31 else "long"), str(value)
        case float():
            return "double", repr(value)
        case datetime():
            return "dateTime", value.isoformat()
        case timedelta():
            return "duration", format_duration(value.total_seconds())
        case _:
            return "string", str(value)
