"""The management operations on the rules of a subscription."""

from __future__ import annotations

from servicebus_emulator.broker.access import Right
from servicebus_emulator.broker.throttle import MANAGEMENT_COST
from servicebus_emulator.nodes.calls import Call, Operation, Result, field, number
from servicebus_emulator.nodes.rule_mapping import read_rule, write_rule


def add_rule(call: Call) -> Result:
    """Select by one more rule."""
    name = field(call.body, "rule-name", str)
    rule = read_rule(name, field(call.body, "rule-description", dict), call.now)
    call.subscription.add_rule(rule, call.now)
    return {}


def remove_rule(call: Call) -> Result:
    """Select by one rule less."""
    call.subscription.remove_rule(field(call.body, "rule-name", str), call.now)
    return {}


def enumerate_rules(call: Call) -> Result:
    """List the rules by name, from the `skip`-th on, at most `top`."""
    skip, top = number(call, "skip"), number(call, "top")
    found = call.subscription.rules[skip : skip + top]
    if not found:
        return None
    return {"rules": [{"rule-description": write_rule(rule)} for rule in found]}


RULE_OPERATIONS: dict[str, Operation] = {
    "com.microsoft:add-rule": Operation(Right.LISTEN, add_rule, MANAGEMENT_COST),
    "com.microsoft:remove-rule": Operation(Right.LISTEN, remove_rule, MANAGEMENT_COST),
    "com.microsoft:enumerate-rules": Operation(Right.LISTEN, enumerate_rules, MANAGEMENT_COST),
}
