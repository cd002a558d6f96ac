"""Authorization rules as documents: inside of an entity's, and on their own for the namespace.

Source: https://learn.microsoft.com/rest/api/servicebus/authorization-rules, and the order in which
the SDKs write and read the elements.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from servicebus_emulator.admin.atom import (
    SERVICE_BUS,
    TYPE,
    Entry,
    InvalidDocumentError,
    local_name,
    timestamp,
)
from servicebus_emulator.broker.access import AccessKey, Right

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

KIND = "AuthorizationRule"
RULES = "AuthorizationRules"
_RIGHTS = {"Manage": Right.MANAGE, "Send": Right.SEND, "Listen": Right.LISTEN}


def rules_element(rules: Iterable[AccessKey]) -> ET.Element:
    """The element of an entity's document that holds its rules, keys included.

    Without times: those the service tells of the namespace's rules only.
    """
    element = ET.Element(f"{{{SERVICE_BUS}}}{RULES}")
    for rule in rules:
        child = _child(element, KIND)
        child.set(TYPE, "SharedAccessAuthorizationRule")
        _fill(child, rule)
    return element


def rule_entry(rule: AccessKey) -> Entry:
    """The document of a rule of the namespace, keys included."""
    holder = ET.Element("holder")
    times = {"CreatedTime": rule.created_at, "ModifiedTime": rule.modified_at}
    _fill(holder, rule, {name: timestamp(moment) for name, moment in times.items()})
    fields = [(local_name(child), child) for child in holder]
    path = f"${RULES}/{rule.name}"
    return Entry(path, rule.name, KIND, list(fields), rule.created_at, rule.modified_at)


def read_rules(
    element: ET.Element, old: tuple[AccessKey, ...], new_key: Callable[[], str], now: float
) -> tuple[AccessKey, ...]:
    """Read an entity's rules.

    Args:
        element: What holds them.
        old: Those that the entity has now: a rule of the same name keeps its time of creation.
        new_key: Makes keys for new rules that come without.
        now: Seconds since the epoch.

    Raises:
        InvalidDocumentError: An element is unknown or malformed.
    """
    known = {rule.name: rule for rule in old}
    rules = []
    for child in element:
        if local_name(child) != KIND:
            raise InvalidDocumentError(f"{RULES} has no element {local_name(child)}.")
        fields = {local_name(part): part for part in child}
        name = _text(fields, "KeyName")
        rules.append(read_rule(name, fields, known.get(name), new_key, now))
    return tuple(rules)


def read_rule(
    name: str,
    fields: dict[str, ET.Element],
    old: AccessKey | None,
    new_key: Callable[[], str],
    now: float,
) -> AccessKey:
    """Read one rule; see `read_rules`."""
    rule = AccessKey(
        name,
        _text(fields, "PrimaryKey") or (old.key if old is not None else new_key()),
        _read_rights(fields.get("Rights")),
        _text(fields, "SecondaryKey") or (old.secondary_key if old is not None else new_key()),
        created_at=now if old is None else old.created_at,
        modified_at=now,
    )
    return replace(rule, modified_at=old.modified_at) if old == rule else rule


def _read_rights(element: ET.Element | None) -> Right:
    rights = Right(0)
    for child in () if element is None else element:
        right = _RIGHTS.get((child.text or "").strip())
        if right is None:
            raise InvalidDocumentError(f"A right is one of {', '.join(_RIGHTS)}.")
        rights |= right
    return rights


def _fill(parent: ET.Element, rule: AccessKey, times: Mapping[str, str] | None = None) -> None:
    _child(parent, "ClaimType").text = "SharedAccessKey"
    _child(parent, "ClaimValue").text = "None"
    rights = _child(parent, "Rights")
    for name, right in _RIGHTS.items():
        if right in rule.rights:
            _child(rights, "AccessRights").text = name
    for name, moment in (times or {}).items():
        _child(parent, name).text = moment
    _child(parent, "KeyName").text = rule.name
    _child(parent, "PrimaryKey").text = rule.key
    if rule.secondary_key:
        _child(parent, "SecondaryKey").text = rule.secondary_key


def _child(parent: ET.Element, name: str) -> ET.Element:
    return ET.SubElement(parent, f"{{{SERVICE_BUS}}}{name}")


def _text(fields: dict[str, ET.Element], name: str) -> str:
    element = fields.get(name)
    return "" if element is None else (element.text or "").strip()
