"""The official emulator's `Config.json`: which queues a namespace has at start.

Source: https://learn.microsoft.com/azure/service-bus-messaging/overview-emulator
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from servicebus_emulator.admin.durations import parse_duration
from servicebus_emulator.broker.entities import QueueDescription, check_name
from servicebus_emulator.broker.errors import BrokerError

if TYPE_CHECKING:
    from collections.abc import Callable

_COMMENT_OR_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)

_BYTE_ORDER_MARK = "\ufeff"  # some editors put it before the text


class ConfigError(ValueError):
    """The configuration cannot be used; the text says where and why."""


@dataclass(frozen=True, slots=True)
class NamespaceConfig:
    """A namespace as configured.

    Attributes:
        queues: Descriptions by name.
        warnings: What the file asks for and the emulator leaves out.
    """

    name: str
    queues: dict[str, QueueDescription]
    warnings: tuple[str, ...] = ()


def parse_config(text: str) -> NamespaceConfig:
    """Read a configuration; comments are allowed, as in the official emulator.

    Raises:
        ConfigError: Not JSON (with line and column), a key that nobody knows, a value that breaks
            a rule, or a property that this emulator does not support yet; with the path of it.
    """
    user = _member(_object(_load(text), "$", {"UserConfig"}), "UserConfig", dict, "$")
    _object(user, "UserConfig", {"Namespaces", "Logging"})
    namespaces = _member(user, "Namespaces", list, "UserConfig")
    where = "UserConfig.Namespaces"
    if len(namespaces) != 1:
        raise ConfigError(f"{where}: exactly one namespace is supported, not {len(namespaces)}.")
    namespace = _object(namespaces[0], f"{where}[0]", {"Name", "Queues", "Topics"})
    queues: dict[str, QueueDescription] = {}
    for index, item in enumerate(_list(namespace, "Queues", f"{where}[0]")):
        place = f"{where}[0].Queues[{index}]"
        name, description = _queue(item, place)
        if name.casefold() in map(str.casefold, queues):
            raise ConfigError(f"{place}.Name: there is another queue named '{name}'.")
        queues[name] = description
    return NamespaceConfig(
        _member(namespace, "Name", str, f"{where}[0]"),
        queues,
        tuple(_left_out(topic) for topic in _list(namespace, "Topics", f"{where}[0]")),
    )


def _load(text: str) -> Any:
    try:
        return json.loads(
            _COMMENT_OR_STRING.sub(_blank_comment, text.removeprefix(_BYTE_ORDER_MARK))
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(f"Not JSON: {error.msg} at {place}.") from error
    except ValueError:
        raise ConfigError("Not a configuration: a number in it is too long.") from None
    except RecursionError:
        raise ConfigError("Not a configuration: it is nested too deeply.") from None


def _blank_comment(match: re.Match[str]) -> str:
    """Keep strings; make comments spaces, so that lines and columns stay."""
    text = match.group()
    return text if text.startswith('"') else re.sub(r"[^\n]", " ", text)


def _queue(item: Any, where: str) -> tuple[str, QueueDescription]:
    fields = _object(item, where, {"Name", "Properties"})
    name = _member(fields, "Name", str, where)
    place = f"{where}.Properties"
    properties = _object(fields.get("Properties") or {}, place, set(_PROPERTIES))
    values: dict[str, Any] = {}
    for key, raw in properties.items():
        if raw in ("", None):  # the official file writes "" for "no forwarding"
            continue
        attribute, read = _PROPERTIES[key]
        try:
            values[attribute] = read(raw)
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{place}.{key}: {error}.") from error
    try:
        check_name(name)
        description = QueueDescription(**values)
        description.validate()
    except BrokerError as error:
        raise ConfigError(f"{where}: {error}") from error
    return name, description


def _left_out(topic: Any) -> str:
    name = topic.get("Name") if isinstance(topic, dict) else None
    return f"The topic {name!r} is left out: topics are not supported by this emulator yet."


def _object(value: Any, where: str, known: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: an object is expected.")
    for key in value:
        if key not in known:
            raise ConfigError(f"{where}: '{key}' is unknown; known are {', '.join(sorted(known))}.")
    return value


def _member(owner: dict[str, Any], key: str, kind: type, where: str) -> Any:
    value = owner.get(key)
    if not isinstance(value, kind):
        raise ConfigError(f"{where}.{key}: missing, or not of the type {kind.__name__}.")
    return value


def _list(owner: dict[str, Any], key: str, where: str) -> list[Any]:
    """A list that may be missing."""
    return [] if owner.get(key) is None else _member(owner, key, list, where)


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
