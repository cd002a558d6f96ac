"""The operations on subscriptions and their rules.

Source: https://learn.microsoft.com/rest/api/servicebus/subscriptions and .../rules
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from servicebus_emulator.admin import atom
from servicebus_emulator.admin.entity_documents import entity_entry, read_description
from servicebus_emulator.admin.messages import Response
from servicebus_emulator.admin.routing import (
    Call,
    Operation,
    check_forwarding,
    entry_response,
    page_response,
)
from servicebus_emulator.admin.rule_documents import KIND, read_rule, rule_entry
from servicebus_emulator.broker.entities import SubscriptionDescription
from servicebus_emulator.broker.subscription import SUBSCRIPTIONS

if TYPE_CHECKING:
    from servicebus_emulator.broker.subscription import Subscription


def list_subscriptions(call: Call) -> Response:
    """A topic's subscriptions, by name."""
    found = call.namespace.get_topic(call.names[0]).subscriptions
    return page_response(call, "Subscriptions", found, lambda each: entity_entry(each, call.now))


def get_subscription(call: Call) -> Response:
    """One subscription."""
    return entry_response(entity_entry(_subscription(call), call.now))


def put_subscription(call: Call) -> Response:
    """Create a subscription, perhaps with another rule than the default one; or update it."""
    kind, children = atom.parse_entry(call.request.body)
    description = read_description(SubscriptionDescription, kind, children)
    topic, name = call.namespace.get_topic(call.names[0]), call.names[1]
    check_forwarding(call, f"{topic.path}/{SUBSCRIPTIONS}/{name}", description)
    if call.is_update:
        call.check_match(topic.get_subscription(name).updated_at)
        subscription = topic.update_subscription(name, description, now=call.now)
        return entry_response(entity_entry(subscription, call.now))
    wanted = children.get("DefaultRuleDescription")
    rule = None
    if wanted is not None and len(wanted):
        parts = {atom.local_name(part): part for part in wanted}
        rule = read_rule(None, KIND, parts, call.now)
    subscription = topic.create_subscription(name, description, now=call.now, default_rule=rule)
    return entry_response(entity_entry(subscription, call.now), HTTPStatus.CREATED)


def delete_subscription(call: Call) -> Response:
    """Remove a subscription."""
    call.check_match(_subscription(call).updated_at)
    call.namespace.delete_subscription(call.names[0], call.names[1], now=call.now)
    return Response(HTTPStatus.OK)


def list_rules(call: Call) -> Response:
    """A subscription's rules, by name."""
    holder = _subscription(call)
    return page_response(call, "Rules", holder.rules, lambda rule: rule_entry(rule, holder.path))


def get_rule(call: Call) -> Response:
    """One rule."""
    holder = _subscription(call)
    return entry_response(rule_entry(holder.get_rule(call.names[2]), holder.path))


def put_rule(call: Call) -> Response:
    """Create a rule, or put it in the place of the one of that name."""
    subscription, name = _subscription(call), call.names[2]
    rule = read_rule(name, *atom.parse_entry(call.request.body), call.now)
    if call.is_update:
        call.check_match(subscription.get_rule(name).created_at)
        subscription.replace_rule(rule, call.now)
        return entry_response(rule_entry(rule, subscription.path))
    subscription.add_rule(rule, call.now)
    return entry_response(rule_entry(rule, subscription.path), HTTPStatus.CREATED)


def delete_rule(call: Call) -> Response:
    """Remove a rule."""
    subscription = _subscription(call)
    call.check_match(subscription.get_rule(call.names[2]).created_at)
    subscription.remove_rule(call.names[2], call.now)
    return Response(HTTPStatus.OK)


def _subscription(call: Call) -> Subscription:
    return call.namespace.get_subscription(call.names[0], call.names[1])


_ONE = "{topic}/Subscriptions/{subscription}"
_RULE = f"{_ONE}/Rules/{{rule}}"
SUBSCRIPTION_OPERATIONS = (
    Operation("List rules", "GET", f"{_ONE}/Rules", list_rules),
    Operation("Get a rule", "GET", _RULE, get_rule),
    Operation("Create or update a rule", "PUT", _RULE, put_rule),
    Operation("Delete a rule", "DELETE", _RULE, delete_rule),
    Operation("List subscriptions", "GET", "{topic}/Subscriptions", list_subscriptions),
    Operation("Get a subscription", "GET", _ONE, get_subscription),
    Operation("Create or update a subscription", "PUT", _ONE, put_subscription),
    Operation("Delete a subscription", "DELETE", _ONE, delete_subscription),
)
