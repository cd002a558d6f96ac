"""The official emulator's `Config.json`: the entities that a namespace has at start.

Source: https://learn.microsoft.com/azure/service-bus-messaging/overview-emulator
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from servicebus_emulator.admin.config_lines import line_of
from servicebus_emulator.admin.durations import parse_duration
from servicebus_emulator.broker.entities import (
    EntityDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
    check_name,
    check_part_name,
)
from servicebus_emulator.broker.errors import BrokerError
from servicebus_emulator.broker.rules import CorrelationFilter, Filter, Rule, SqlAction, SqlFilter
from servicebus_emulator.broker.sql.values import HIGHEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COMMENT_OR_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)

_BYTE_ORDER_MARK = "\ufeff"  # some editors put it before the text
_Description = TypeVar("_Description", bound=EntityDescription)
_Path = tuple["str | int", ...]


class ConfigError(ValueError):
    """The configuration cannot be used; the text says where and why."""


class _MistakeError(Exception):
    def __init__(self, path: _Path, problem: str) -> None:
        super().__init__(problem)
        self.path = path


@dataclass(frozen=True, slots=True)
class SubscriptionConfig:
    """A subscription as configured; without rules it selects everything."""

    description: SubscriptionDescription
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """A topic as configured, with its subscriptions by name."""

    description: TopicDescription
    subscriptions: dict[str, SubscriptionConfig] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NamespaceConfig:
    """A namespace as configured: queues and topics by name."""

    name: str
    queues: dict[str, QueueDescription]
    topics: dict[str, TopicConfig]


def parse_config(text: str) -> NamespaceConfig:
    """Read a configuration; comments are allowed, as in the official emulator.

    Raises:
        ConfigError: Not JSON (with line and column), a key that nobody knows, a value that breaks
            a rule, or a property that this emulator does not support yet; with line and path.
    """
    blanked = _COMMENT_OR_STRING.sub(_blank_comment, text.removeprefix(_BYTE_ORDER_MARK))
    try:
        return _namespace(_load(blanked))
    except _MistakeError as mistake:
        where = "".join(
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in mistake.path
        )
        place = f"line {line_of(blanked, mistake.path)}, {where.removeprefix('.') or '$'}"
        raise ConfigError(f"{place}: {mistake}") from mistake


def _load(text: str) -> Any:
    try:
        document = json.loads(text)
        json.dumps(document, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(f"Not JSON: {error.msg} at {place}.") from error
    except UnicodeEncodeError:
        raise ConfigError("Not a configuration: a text in it has half a character.") from None
    except ValueError:
        raise ConfigError("Not a configuration: a number in it is too long.") from None
    except RecursionError:
        raise ConfigError("Not a configuration: it is nested too deeply.") from None
    return document


def _blank_comment(match: re.Match[str]) -> str:
    """Keep strings; make comments spaces, so that lines and columns stay."""
    text = match.group()
    return text if text.startswith('"') else re.sub(r"[^\n]", " ", text)


def _namespace(document: Any) -> NamespaceConfig:
    user = _member(_object(document, (), {"UserConfig"}), "UserConfig", dict, ())
    path: _Path = ("UserConfig",)
    _object(user, path, {"Namespaces", "Logging"})
    namespaces = _member(user, "Namespaces", list, path)
    path = (*path, "Namespaces")
    if len(namespaces) != 1:
        raise _MistakeError(path, f"exactly one namespace is supported, not {len(namespaces)}.")
    path = (*path, 0)
    namespace = _object(namespaces[0], path, {"Name", "Queues", "Topics"})
    taken: set[str] = set()
    return NamespaceConfig(
        _member(namespace, "Name", str, path),
        dict(_queue(item, where, taken) for item, where in _items(namespace, "Queues", path)),
        dict(_topic(item, where, taken) for item, where in _items(namespace, "Topics", path)),
    )


def _queue(item: Any, path: _Path, taken: set[str]) -> tuple[str, QueueDescription]:
    fields = _object(item, path, {"Name", "Properties"})
    name = _name(fields, path, taken, check_name)
    return name, _description(QueueDescription, fields, path, _QUEUE)


def _topic(item: Any, path: _Path, taken: set[str]) -> tuple[str, TopicConfig]:
    fields = _object(item, path, {"Name", "Properties", "Subscriptions"})
    name = _name(fields, path, taken, check_name)
    here: set[str] = set()
    found = _items(fields, "Subscriptions", path)
    subscriptions = dict(_subscription(each, where, here) for each, where in found)
    return name, TopicConfig(_description(TopicDescription, fields, path, _TOPIC), subscriptions)


def _subscription(item: Any, path: _Path, taken: set[str]) -> tuple[str, SubscriptionConfig]:
    fields = _object(item, path, {"Name", "Properties", "Rules"})
    name = _name(fields, path, taken, check_part_name)
    here: set[str] = set()
    rules = tuple(_rule(each, where, here) for each, where in _items(fields, "Rules", path))
    description = _description(SubscriptionDescription, fields, path, _SUBSCRIPTION)
    return name, SubscriptionConfig(description, rules)


def _rule(item: Any, path: _Path, taken: set[str]) -> Rule:
    fields = _object(item, path, {"Name", "Properties"})
    name = _name(fields, path, taken, check_part_name)
    path = (*path, "Properties")
    known = {"FilterType", "SqlFilter", "CorrelationFilter", "Action"}
    properties = _object(fields.get("Properties"), path, known)
    action = _expression(properties, "Action", path)
    try:
        return Rule(name, _filter(properties, path), SqlAction(action) if action else None)
    except BrokerError as error:
        raise _MistakeError(path, str(error)) from error


def _filter(properties: dict[str, Any], path: _Path) -> Filter:
    """The filter of the type that is named; of the other type when only that is there."""
    kind = properties.get("FilterType", "Sql")
    if kind not in ("Sql", "Correlation"):
        raise _MistakeError((*path, "FilterType"), "'Sql' or 'Correlation' is expected.")
    sql, correlation = properties.get("SqlFilter"), properties.get("CorrelationFilter")
    if correlation is None or (kind == "Sql" and sql is not None):
        text = _expression(properties, "SqlFilter", path)
        if not text:
            raise _MistakeError(path, "a SqlFilter or a CorrelationFilter is missing.")
        return SqlFilter(text)
    path = (*path, "CorrelationFilter")
    _object(correlation, path, {*_CORRELATION, "Properties"})
    user = correlation.get("Properties") or {}
    if not isinstance(user, dict):
        raise _MistakeError((*path, "Properties"), "an object is expected.")
    system = {
        name: _member(correlation, key, str, path)
        for key, name in _CORRELATION.items()
        if correlation.get(key) not in (None, "")
    }
    for key, value in user.items():
        is_known = isinstance(value, str | int | float)
        if not is_known or (isinstance(value, int) and not -HIGHEST <= value <= HIGHEST):
            place = (*path, "Properties", key)
            raise _MistakeError(place, "a text, a number, true or false is expected.")
    return CorrelationFilter(system, user)


def _expression(properties: dict[str, Any], key: str, path: _Path) -> str | None:
    wanted = properties.get(key)
    if wanted is None:
        return None
    path = (*path, key)
    known = {"SqlExpression", "CompatibilityLevel", "RequiresPreprocessing"}
    text: str = _member(_object(wanted, path, known), "SqlExpression", str, path)
    return text


def _name(
    fields: dict[str, Any], path: _Path, taken: set[str], check: Callable[[str], None]
) -> str:
    name: str = _member(fields, "Name", str, path)
    try:
        check(name)
    except BrokerError as error:
        raise _MistakeError((*path, "Name"), str(error)) from error
    if name.casefold() in taken:
        raise _MistakeError((*path, "Name"), f"there is another one named '{name}'.")
    taken.add(name.casefold())
    return name


def _description(
    kind: type[_Description], fields: dict[str, Any], path: _Path, known: set[str]
) -> _Description:
    path = (*path, "Properties")
    properties = _object(fields.get("Properties") or {}, path, known)
    values: dict[str, Any] = {}
    for key, raw in properties.items():
        if raw in ("", None):  # the official file writes "" for "no forwarding"
            continue
        attribute, read = _PROPERTIES[key]
        try:
            values[attribute] = read(raw)
        except (ValueError, TypeError) as error:
            raise _MistakeError((*path, key), f"{error}.") from error
    try:
        description = kind(**values)
        description.validate()
    except BrokerError as error:
        raise _MistakeError(path, str(error)) from error
    return description


def _object(value: Any, path: _Path, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _MistakeError(path, "an object is expected.")
    for key in value:
        if key not in known:
            names = ", ".join(sorted(known))
            raise _MistakeError((*path, key), f"'{key}' is unknown; known are {names}.")
    return value


def _member(owner: dict[str, Any], key: str, kind: type, path: _Path) -> Any:
    value = owner.get(key)
    if not isinstance(value, kind):
        raise _MistakeError((*path, key), f"missing, or not of the type {kind.__name__}.")
    return value


def _items(owner: dict[str, Any], key: str, path: _Path) -> Iterator[tuple[Any, _Path]]:
    """The items of a list that may be missing, each with its path."""
    if owner.get(key) is not None:
        for index, item in enumerate(_member(owner, key, list, path)):
            yield item, (*path, key, index)


def _bool(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false is expected")
    return value


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a whole number is expected")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a string is expected")
    return value


def _duration(value: Any) -> float:
    return parse_duration(_text(value))


_PROPERTIES: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "DeadLetteringOnMessageExpiration": ("dead_lettering_on_message_expiration", _bool),
    "DefaultMessageTimeToLive": ("default_message_time_to_live", _duration),
    "DuplicateDetectionHistoryTimeWindow": ("duplicate_detection_history_time_window", _duration),
    "ForwardDeadLetteredMessagesTo": ("forward_dead_lettered_messages_to", _text),
    "ForwardTo": ("forward_to", _text),
    "LockDuration": ("lock_duration", _duration),
    "MaxDeliveryCount": ("max_delivery_count", _integer),
    "RequiresDuplicateDetection": ("requires_duplicate_detection", _bool),
    "RequiresSession": ("requires_session", _bool),
}
_TOPIC = {
    "DefaultMessageTimeToLive",
    "DuplicateDetectionHistoryTimeWindow",
    "RequiresDuplicateDetection",
}
_SUBSCRIPTION = {
    "DeadLetteringOnMessageExpiration",
    "DefaultMessageTimeToLive",
    "ForwardDeadLetteredMessagesTo",
    "ForwardTo",
    "LockDuration",
    "MaxDeliveryCount",
    "RequiresSession",
}
_QUEUE = _TOPIC | _SUBSCRIPTION
_CORRELATION = {
    "ContentType": "ContentType",
    "CorrelationId": "CorrelationId",
    "Label": "Subject",
    "MessageId": "MessageId",
    "ReplyTo": "ReplyTo",
    "ReplyToSessionId": "ReplyToSessionId",
    "SessionId": "SessionId",
    "To": "To",
}
"""The keys of a correlation filter, and what the broker calls the properties."""
