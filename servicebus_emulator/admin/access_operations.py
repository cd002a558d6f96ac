"""The operations on the namespace's authorization rules.

An entity's rules come and go with the entity's document. Those of a namespace are managed through
Azure Resource Manager in the cloud; here they are resources beside the entities.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from servicebus_emulator.admin import atom
from servicebus_emulator.admin.access_documents import KIND, RULES, read_rule, rule_entry
from servicebus_emulator.admin.atom import InvalidDocumentError
from servicebus_emulator.admin.messages import Response
from servicebus_emulator.admin.routing import Call, Operation, entry_response, page_response
from servicebus_emulator.broker.access import Right, check_policies
from servicebus_emulator.broker.errors import ArgumentError, EntityNotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from servicebus_emulator.broker.access import AccessKey

_ALL = f"${RULES}"


def list_rules(call: Call) -> Response:
    """The namespace's rules, by name."""
    keys = call.namespace.access_keys
    return page_response(call, RULES, [keys[name] for name in sorted(keys)], rule_entry)


def get_rule(call: Call) -> Response:
    """One rule, keys included."""
    return entry_response(rule_entry(_rule(call)))


def put_rule(call: Call) -> Response:
    """Create a rule, or change the one of that name; keys that are left out are made."""
    kind, fields = atom.parse_entry(call.request.body)
    if kind != KIND:
        raise InvalidDocumentError(f"An {KIND} is expected here, not a {kind}.")
    keys, name = call.namespace.access_keys, call.names[0]
    old = keys.get(name)
    if call.is_update:
        call.check_match(_rule(call).modified_at)
    rule = read_rule(name, fields, old, call.namespace.new_key, call.now)
    rest = [each for each in keys.values() if each.name != name]
    check_policies((*rest, rule))
    _check_managed((*rest, rule))
    call.namespace.put_policy(rule)
    return entry_response(rule_entry(rule), HTTPStatus.OK if old else HTTPStatus.CREATED)


def delete_rule(call: Call) -> Response:
    """Remove a rule; tokens of it are worth nothing from now on."""
    rule = _rule(call)
    call.check_match(rule.modified_at)
    keys = call.namespace.access_keys
    _check_managed(each for each in keys.values() if each is not rule)
    call.namespace.remove_policy(rule.name)
    return Response(HTTPStatus.OK)


def _rule(call: Call) -> AccessKey:
    rule = call.namespace.access_keys.get(call.names[0])
    if rule is None:
        raise EntityNotFound(f"{_ALL}/{call.names[0]}")
    return rule


def _check_managed(rules: Iterable[AccessKey]) -> None:
    if not any(Right.MANAGE in rule.rights for rule in rules):
        raise ArgumentError("Some authorization rule of the namespace must grant Manage.")


ACCESS_OPERATIONS = (
    Operation("List authorization rules", "GET", _ALL, list_rules),
    Operation("Get an authorization rule", "GET", f"{_ALL}/{{rule}}", get_rule),
    Operation("Create or update an authorization rule", "PUT", f"{_ALL}/{{rule}}", put_rule),
    Operation("Delete an authorization rule", "DELETE", f"{_ALL}/{{rule}}", delete_rule),
)
