"""Conditions and expressions as trees that know how to evaluate themselves.

A condition is true, false or unknown (`None`): three-valued logic, as in SQL-92.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from servicebus_emulator.broker.facts import FilterError
from servicebus_emulator.broker.sql.values import Truth, compare, is_like, is_number, reckon

if TYPE_CHECKING:
    from servicebus_emulator.broker.facts import Facts


class Expression(Protocol):
    """A part of a condition."""

    def evaluate(self, facts: Facts) -> Any:
        """The value for a message; None for unknown.

        Raises:
            FilterError: There is none, since types do not fit.
        """


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that stands in the text, or comes as a parameter."""

    value: Any

    def evaluate(self, _: Facts) -> Any:
        """That value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Property:
    """A property of the message: one of the sender's own, or of the system."""

    name: str
    of_system: bool = False

    def evaluate(self, facts: Facts) -> Any:
        """Its value; unknown when the message has no such property."""
        return facts.system(self.name) if self.of_system else facts.user(self.name)


@dataclass(frozen=True, slots=True)
class NewId:
    """`newid()`: an identity that nothing else has."""

    def evaluate(self, facts: Facts) -> Any:
        """A new one each time."""
        return facts.new_id()


@dataclass(frozen=True, slots=True)
class Sign:
    """A plus or minus before a number."""

    symbol: str
    operand: Expression

    def evaluate(self, facts: Facts) -> Any:
        """The number with that sign."""
        value = self.operand.evaluate(facts)
        if value is None:
            return None
        if not is_number(value):
            raise FilterError(f"'{self.symbol}' takes a number.")
        return reckon("-", 0, value) if self.symbol == "-" else value


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """Two numbers reckoned with."""

    symbol: str
    left: Expression
    right: Expression

    def evaluate(self, facts: Facts) -> Any:
        """The result."""
        return reckon(self.symbol, self.left.evaluate(facts), self.right.evaluate(facts))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two values compared."""

    symbol: str
    left: Expression
    right: Expression

    def evaluate(self, facts: Facts) -> Truth:
        """Whether the comparison holds."""
        return compare(self.symbol, self.left.evaluate(facts), self.right.evaluate(facts))


@dataclass(frozen=True, slots=True)
class IsNull:
    """`IS NULL`: never unknown."""

    operand: Expression

    def evaluate(self, facts: Facts) -> Truth:
        """Whether there is no value."""
        return self.operand.evaluate(facts) is None


@dataclass(frozen=True, slots=True)
class Exists:
    """`EXISTS`: never unknown."""

    property: Property

    def evaluate(self, facts: Facts) -> Truth:
        """Whether the message has the property, even without a value."""
        if self.property.of_system:
            return facts.system(self.property.name) is not None
        return facts.has_user(self.property.name)


@dataclass(frozen=True, slots=True)
class In:
    """`IN`: equal to one of several values."""

    operand: Expression
    choices: tuple[Expression, ...]

    def evaluate(self, facts: Facts) -> Truth:
        """Whether one is equal; unknown when none is and one is unknown."""
        value = self.operand.evaluate(facts)
        results = [compare("=", value, choice.evaluate(facts)) for choice in self.choices]
        if True in results:
            return True
        return None if None in results else False


@dataclass(frozen=True, slots=True)
class Like:
    """`LIKE`: a string against a pattern of `%` and `_`."""

    operand: Expression
    pattern: Expression
    escape: Expression | None

    def evaluate(self, facts: Facts) -> Truth:
        """Whether the whole string matches."""
        escape = None
        if self.escape is not None:
            escape = self.escape.evaluate(facts)
            if not isinstance(escape, str) or len(escape) != 1:
                raise FilterError("ESCAPE takes a single character.")
        return is_like(self.operand.evaluate(facts), self.pattern.evaluate(facts), escape)


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite; unknown stays unknown."""

    operand: Expression

    def evaluate(self, facts: Facts) -> Truth:
        """The opposite."""
        value = truth(self.operand, facts)
        return None if value is None else not value


@dataclass(frozen=True, slots=True)
class And:
    """True when both are; false when one is false, whatever the other."""

    left: Expression
    right: Expression

    def evaluate(self, facts: Facts) -> Truth:
        """Both."""
        left = truth(self.left, facts)
        if left is False:
            return False
        right = truth(self.right, facts)
        return right if left else (False if right is False else None)


@dataclass(frozen=True, slots=True)
class Or:
    """True when one is, whatever the other; false when both are false."""

    left: Expression
    right: Expression

    def evaluate(self, facts: Facts) -> Truth:
        """At least one."""
        left = truth(self.left, facts)
        if left is True:
            return True
        right = truth(self.right, facts)
        return right if left is False else (True if right else None)


def truth(condition: Expression, facts: Facts) -> Truth:
    """The value of an expression that stands where a condition is expected.

    Raises:
        FilterError: It is not boolean.
    """
    value = condition.evaluate(facts)
    if value is None or isinstance(value, bool):
        return value
    raise FilterError("A condition is expected: true, false or unknown.")
