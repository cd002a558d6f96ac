"""From the text of a condition or an action to its tree.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-filter and
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-rule-action
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from servicebus_emulator.broker.facts import SYSTEM_PROPERTIES, WRITABLE
from servicebus_emulator.broker.sql import expressions as tree
from servicebus_emulator.broker.sql.tokens import Kind, Token, syntax_error, tokenize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from servicebus_emulator.broker.sql.expressions import Expression, Property

_COMPARISONS = frozenset({"=", "<>", "!=", ">", ">=", "<", "<="})
_CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None}
_DEEPEST = 32


class Parser:
    """Reads one text.

    Args:
        text: What is read.
        parameters: Values for `@name`, by that name with or without the sign.
    """

    def __init__(self, text: str, parameters: Mapping[str, Any] | None = None) -> None:
        self._tokens = tokenize(text)
        self._index = 0
        self._depth = 0
        self._parameters = {
            name.removeprefix("@").casefold(): value for name, value in (parameters or {}).items()
        }

    def condition(self) -> Expression:
        """Read a condition.

        Raises:
            ArgumentError: It breaks the grammar; the text says where.
        """
        self._depth += 1
        if self._depth > _DEEPEST:
            self.fail(f"An expression is nested at most {_DEEPEST} deep: too much")
        left = self._conjunction()
        while self.takes("OR"):
            left = tree.Or(left, self._conjunction())
        self._depth -= 1
        return left

    def end(self) -> None:
        """See that nothing follows."""
        if self._token.kind is not Kind.END:
            self.fail("Something is left over")

    def takes(self, *words: str) -> str | None:
        """Go past the next token if it is one of these keywords or symbols; which one."""
        token = self._token
        if token.kind in {Kind.KEYWORD, Kind.SYMBOL} and token.value in words:
            self._index += 1
            return str(token.value)
        return None

    def expect(self, word: str) -> None:
        """Go past a keyword or symbol that has to come next."""
        if not self.takes(word):
            self.fail(f"'{word}' is expected")

    def fail(self, problem: str) -> NoReturn:
        """Say what is wrong with the next token."""
        token = self._token
        raise syntax_error(problem, token.position, token.text)

    def property_name(self, *, writable: bool = False) -> Property:
        """Read the name of a property, with or without scope; one that can be changed."""
        first = self._name("The name of a property")
        if not self.takes("."):
            return tree.Property(first.value)
        scope = first.value.casefold()
        name = self._name("The name of a property")
        if scope == "user":
            return tree.Property(name.value)
        if scope != "sys":
            raise syntax_error("A scope is 'sys' or 'user'", first.position, first.text)
        known = SYSTEM_PROPERTIES.get(name.value.casefold())
        if known is None:
            raise syntax_error("There is no such system property", name.position, name.text)
        if writable and known not in WRITABLE:
            raise syntax_error("That system property is read-only", name.position, name.text)
        return tree.Property(known, of_system=True)

    def expression(self) -> Expression:
        """Read an expression: sums of products."""
        left = self._product()
        while symbol := self.takes("+", "-"):
            left = tree.Arithmetic(symbol, left, self._product())
        return left

    @property
    def _token(self) -> Token:
        return self._tokens[self._index]

    def _conjunction(self) -> Expression:
        left = self._negation()
        while self.takes("AND"):
            left = tree.And(left, self._negation())
        return left

    def _negation(self) -> Expression:
        negations = 0
        while self.takes("NOT"):
            negations += 1
        condition = self._comparison()
        return tree.Not(condition) if negations % 2 else condition

    def _comparison(self) -> Expression:
        left = self.expression()
        if self._token.kind is Kind.SYMBOL and self._token.value in _COMPARISONS:
            symbol = self.takes(*_COMPARISONS) or ""
            return tree.Comparison(symbol, left, self.expression())
        if self.takes("IS"):
            negated = self.takes("NOT")
            self.expect("NULL")
            return tree.Not(tree.IsNull(left)) if negated else tree.IsNull(left)
        negated = self.takes("NOT")
        if self.takes("IN"):
            condition: Expression = tree.In(left, self._choices())
        elif self.takes("LIKE"):
            pattern = self.expression()
            condition = tree.Like(
                left, pattern, self.expression() if self.takes("ESCAPE") else None
            )
        elif negated:
            self.fail("'IN' or 'LIKE' is expected")
        else:
            return left
        return tree.Not(condition) if negated else condition

    def _choices(self) -> tuple[Expression, ...]:
        self.expect("(")
        choices = [self.expression()]
        while self.takes(","):
            choices.append(self.expression())
        self.expect(")")
        return tuple(choices)

    def _product(self) -> Expression:
        left = self._signed()
        while symbol := self.takes("*", "/", "%"):
            left = tree.Arithmetic(symbol, left, self._signed())
        return left

    def _signed(self) -> Expression:
        signs = []
        while symbol := self.takes("+", "-"):
            signs.append(symbol)
        if not signs:
            return self._primary()
        return tree.Sign("-" if signs.count("-") % 2 else "+", self._primary())

    def _primary(self) -> Expression:
        token = self._token
        if token.kind is Kind.CONSTANT:
            self._index += 1
            return tree.Constant(token.value)
        if token.kind is Kind.PARAMETER:
            return self._parameter(token)
        if word := self.takes("TRUE", "FALSE", "NULL", "EXISTS", "("):
            return self._after(word)
        if token.kind is Kind.NAME and self._tokens[self._index + 1].value == "(":
            return self._function(token)
        return self.property_name()

    def _after(self, word: str) -> Expression:
        """What a keyword or a bracket has begun."""
        if word in _CONSTANTS:
            return tree.Constant(_CONSTANTS[word])
        if word == "(":
            inner = self.condition()
        else:
            self.expect("(")
            inner = tree.Exists(self.property_name())
        self.expect(")")
        return inner

    def _function(self, name: Token) -> Expression:
        self._index += 2  # the name and its bracket
        match name.value.casefold():
            case "newid":
                result: Expression = tree.NewId()
            case "property" | "p":
                result = self._named_property()
            case _:
                raise syntax_error("There is no such function", name.position, name.text)
        self.expect(")")
        return result

    def _named_property(self) -> Expression:
        """The argument of `property(name)`: a name, or a string that is one."""
        token = self._token
        if token.kind is Kind.CONSTANT and isinstance(token.value, str):
            self._index += 1
            return tree.Property(token.value)
        return self.property_name()

    def _parameter(self, token: Token) -> Expression:
        name = token.value.removeprefix("@").casefold()
        if name not in self._parameters:
            self.fail("The rule has no such parameter")
        self._index += 1
        return tree.Constant(self._parameters[name])

    def _name(self, what: str) -> Token:
        token = self._token
        if token.kind is not Kind.NAME:
            self.fail(f"{what} is expected")
        self._index += 1
        return token
