"""Rules: which messages of a topic a subscription gets, and in what form.

Source: https://learn.microsoft.com/azure/service-bus-messaging/topic-filters
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from servicebus_emulator.broker.entities import check_part_name
from servicebus_emulator.broker.errors import ArgumentError
from servicebus_emulator.broker.sql.values import compare
from servicebus_emulator.plain_data import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from servicebus_emulator.broker.facts import Facts
    from servicebus_emulator.broker.sql.statements import Statement
    from servicebus_emulator.broker.sql.values import Truth

DEFAULT_RULE = "$Default"
"""The rule that a subscription has until somebody removes it; it selects everything."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class BooleanFilter(Value):
    """Selects every message, or none."""

    value: bool = True

    def selects(self, _: Facts) -> bool:
        """That."""
        return self.value


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class CorrelationFilter(Value):
    """Selects the messages that have all of some properties with exactly these values.

    Attributes:
        system: By the names of `facts.SYSTEM_PROPERTIES`.
        user: The sender's own properties.
    """

    system: Mapping[str, str] = field(default_factory=dict)
    user: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not (self.system or self.user):
            raise ArgumentError("A correlation filter needs at least one property.")

    def selects(self, facts: Facts) -> bool:
        """Whether all are equal, upper and lower case included."""
        return all(facts.system(name) == value for name, value in self.system.items()) and all(
            compare("=", facts.user(name), value) is True for name, value in self.user.items()
        )


@dataclass(frozen=True, eq=False, repr=False)
class SqlFilter(Value):
    """Selects the messages for which a condition is true.

    Args:
        text: The condition.
        parameters: Values for its `@name`s.

    Raises:
        ArgumentError: The condition breaks the grammar.
    """

    text: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _ = self._truth

    @cached_property
    def _truth(self) -> Callable[[Facts], Truth]:
        # Imported for the first condition: most emulators never see one.
        from servicebus_emulator.broker.sql.expressions import truth  # noqa: PLC0415
        from servicebus_emulator.broker.sql.statements import parse_condition  # noqa: PLC0415

        return partial(truth, parse_condition(self.text, self.parameters))

    def selects(self, facts: Facts) -> bool:
        """Whether the condition is true, neither false nor unknown.

        Raises:
            FilterError: It cannot be evaluated on this message.
        """
        return self._truth(facts) is True


@dataclass(frozen=True, eq=False, repr=False)
class SqlAction(Value):
    """What is done to the properties of a message that was selected.

    Args:
        text: The statements.
        parameters: Values for their `@name`s.

    Raises:
        ArgumentError: They break the grammar.
    """

    text: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _ = self._statements

    @cached_property
    def _statements(self) -> tuple[Statement, ...]:
        from servicebus_emulator.broker.sql.statements import parse_action  # noqa: PLC0415 (rare)

        return parse_action(self.text, self.parameters)

    def apply(self, facts: Facts) -> None:
        """Change the properties.

        Raises:
            FilterError: A statement cannot be evaluated on this message.
        """
        for statement in self._statements:
            statement.apply(facts)


Filter = BooleanFilter | CorrelationFilter | SqlFilter


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Rule(Value):
    """A filter with a name, and perhaps an action."""

    name: str
    filter: Filter = field(default_factory=BooleanFilter)
    action: SqlAction | None = None
    created_at: float = 0.0

    @property
    def is_plain(self) -> bool:
        """Whether it selects everything as it is, so that nobody has to read the message."""
        selects_all = isinstance(self.filter, BooleanFilter) and self.filter.value
        return selects_all and self.action is None

    def validate(self) -> None:
        """Check the name; the filter and the action have checked themselves.

        Raises:
            ArgumentError: The name breaks a rule.
        """
        check_part_name(self.name)
