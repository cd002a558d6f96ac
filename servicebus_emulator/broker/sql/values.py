"""How values are compared and reckoned with; `None` is the unknown value of three-valued logic.

Source: the section on property evaluation and operator binding of
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-filter
"""

from __future__ import annotations

import math
import operator
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from servicebus_emulator.broker.facts import FilterError

if TYPE_CHECKING:
    from collections.abc import Callable

Truth = bool | None
HIGHEST = 2**63 - 1
"""The largest integer that a property can have."""
_FAMILIES = (
    (str, "string"),
    (UUID, "uuid"),
    (datetime, "time"),
    (timedelta, "duration"),
    (bytes, "binary"),
)


_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def compare(symbol: str, left: Any, right: Any) -> Truth:
    """Compare two values; unknown when one is.

    Values of different families are unequal. They have no order.

    Raises:
        FilterError: The values have no order.
    """
    if left is None or right is None:
        return None
    left, right = _comparable(left), _comparable(right)
    family = _family(left)
    same = family is not None and family == _family(right)
    if symbol == "=":
        return same and bool(left == right)
    if symbol in {"<>", "!="}:
        return not same or bool(left != right)
    if not same or family == "boolean":
        raise FilterError(
            f"'{symbol}' cannot compare {_name(left)} with {_name(right)}: they have no order."
        )
    return _ORDERINGS[symbol](left, right)


def reckon(symbol: str, left: Any, right: Any) -> Any:
    """Do arithmetic, or join strings by `+`; unknown when an operand is.

    Integers are divided as in C#: towards zero.

    Raises:
        FilterError: The operands are not numbers, or the divisor is zero.
    """
    if left is None or right is None:
        return None
    if symbol == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    if not is_number(left) or not is_number(right):
        raise FilterError(f"'{symbol}' cannot reckon with {_name(left)} and {_name(right)}.")
    try:
        if symbol in _ARITHMETIC:
            return within_64_bits(_ARITHMETIC[symbol](left, right))
        return within_64_bits(_divide(symbol, left, right))
    except (ZeroDivisionError, OverflowError, ValueError) as fault:
        raise FilterError(f"'{symbol}' has no result: {fault}.") from fault


def within_64_bits(number: float) -> float:
    """The number, unless it is an integer that no property can have.

    Raises:
        OverflowError: It is.
    """
    if isinstance(number, int) and not -HIGHEST - 1 <= number <= HIGHEST:
        raise OverflowError("an integer has at most 64 bits")
    return number


def is_number(value: Any) -> bool:
    """Whether a value is one that arithmetic takes."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_like(text: Any, pattern: Any, escape: Any) -> Truth:
    """Whether a string matches a pattern of `%` and `_`; unknown when an operand is.

    Raises:
        FilterError: An operand is no string, or the escape is no single character.
    """
    if text is None or pattern is None:
        return None
    if not isinstance(text, str) or not isinstance(pattern, str):
        raise FilterError(f"LIKE cannot compare {_name(text)} with {_name(pattern)}.")
    return _matcher(pattern, escape).fullmatch(text) is not None


@lru_cache(maxsize=512)
def _matcher(pattern: str, escape: str | None) -> re.Pattern[str]:
    """The pattern as a regular expression that never goes back, so that none can take for ever."""
    segments: list[str] = [""]
    characters = iter(pattern)
    for character in characters:
        if escape is not None and character == escape:
            literal = next(characters, None)
            if literal is None:
                raise FilterError("The pattern of LIKE ends with its escape character.")
            segments[-1] += re.escape(literal)
        elif character == "%":
            segments.append("")
        else:
            segments[-1] += "." if character == "_" else re.escape(character)
    if len(segments) == 1:
        return re.compile(segments[0], re.DOTALL)
    first, *middle, last = segments
    found = "".join(f"(?>.*?{segment})" for segment in middle if segment)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)


def _comparable(value: Any) -> Any:
    """Times without a zone are UTC."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _divide(symbol: str, left: float, right: float) -> float:
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        quotient = quotient if (left < 0) == (right < 0) else -quotient
        return quotient if symbol == "/" else left - quotient * right
    return left / right if symbol == "/" else math.fmod(left, right)


def _family(value: Any) -> str | None:
    """Values of one family can be compared."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return next((family for kind, family in _FAMILIES if isinstance(value, kind)), None)


def _name(value: Any) -> str:
    return "a " + (_family(value) or "value of another type")
