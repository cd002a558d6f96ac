"""Actions: what a rule does to the properties of the message that it selects.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-rule-action
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from servicebus_emulator.broker.sql.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicebus_emulator.broker.facts import Facts
    from servicebus_emulator.broker.sql.expressions import Expression, Property

_MOST = 32


@dataclass(frozen=True, slots=True)
class SetProperty:
    """`SET property = expression`."""

    property: Property
    value: Expression

    def apply(self, facts: Facts) -> None:
        """Give the property its value.

        Raises:
            FilterError: The expression has none, or one that the property cannot take.
        """
        facts.set(self.property.name, self.value.evaluate(facts), system=self.property.of_system)


@dataclass(frozen=True, slots=True)
class RemoveProperty:
    """`REMOVE property`."""

    property: Property

    def apply(self, facts: Facts) -> None:
        """Take the property away; it need not be there."""
        facts.remove(self.property.name, system=self.property.of_system)


Statement = SetProperty | RemoveProperty


def parse_condition(text: str, parameters: Mapping[str, Any] | None = None) -> Expression:
    """Read the condition of a filter.

    Raises:
        ArgumentError: It breaks the grammar; the text says where.
    """
    parser = Parser(text, parameters)
    condition = parser.condition()
    parser.end()
    return condition


def parse_action(text: str, parameters: Mapping[str, Any] | None = None) -> tuple[Statement, ...]:
    """Read the statements of an action, each ended by a semicolon or the next statement.

    Raises:
        ArgumentError: They break the grammar; the text says where.
    """
    parser = Parser(text, parameters)
    statements: list[Statement] = []
    while word := parser.takes("SET", "REMOVE"):
        statements.append(_statement(parser, word))
        parser.takes(";", ",")
        if len(statements) > _MOST:
            parser.fail(f"An action has at most {_MOST} statements: too many")
    if not statements:
        parser.fail("'SET' or 'REMOVE' is expected")
    parser.end()
    return tuple(statements)


def _statement(parser: Parser, word: str) -> Statement:
    target = parser.property_name(writable=True)
    if word == "REMOVE":
        return RemoveProperty(target)
    parser.expect("=")
    return SetProperty(target, parser.expression())
