from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicebus_emulator.broker.errors import ArgumentError
from servicebus_emulator.broker.sql.parser import Parser


def parsed(text: str, **parameters: Any) -> Any:
    parser = Parser(text, parameters)
    condition = parser.condition()
    parser.end()
    return condition


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a = 1 OR b = 2 AND c = 3", "a = 1 OR (b = 2 AND c = 3)"),
        ("NOT a = 1 AND b = 2", "(NOT a = 1) AND b = 2"),
        ("NOT NOT a = 1", "a = 1"),
        ("a + b * c = d", "a + (b * c) = d"),
        ("a - b - c = d", "(a - b) - c = d"),
        ("- - a = d", "+a = d"),
        ("a != 1", "a != 1"),
        ("user.a = 1", "[a] = 1"),
        ("a NOT IN (1, 2)", "NOT (a IN (1, 2))"),
        ("a NOT LIKE 'x'", "NOT a LIKE 'x'"),
        ("a IS NOT NULL", "NOT (a IS NULL)"),
        ("p(a) = property('a')", "a = a"),
        ("sys.label = 'x'", "SYS.Subject = 'x'"),
    ],
)
def test_operators_bind_as_in_sql(text: str, same: str) -> None:
    assert parsed(text) == parsed(same)


def test_a_parameter_has_its_value_with_or_without_the_sign() -> None:
    assert parsed("a = @p", p=5) == parsed("a = @P", **{"@p": 5}) == parsed("a = 5")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "The name of a property is expected at position 1, near 'the end'"),
        ("a =", "at position 4"),
        ("a = 1 b", "Something is left over at position 7, near 'b'"),
        ("a IS 5", "'NULL' is expected at position 6"),
        ("a NOT 5", "'IN' or 'LIKE' is expected at position 7"),
        ("a IN 5", r"'\(' is expected"),
        ("a IN (5", r"'\)' is expected"),
        ("EXISTS a", r"'\(' is expected"),
        ("EXISTS (5)", "The name of a property is expected"),
        ("sys.colour = 5", "no such system property at position 5"),
        ("my.colour = 5", "A scope is 'sys' or 'user' at position 1"),
        ("now() = 5", "no such function at position 1"),
        ("newid( = 5", r"'\)' is expected"),
        ("a = @p", "no such parameter at position 5"),
        ("(" * 40 + "a = 1" + ")" * 40, "nested at most 32 deep"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem):
        parsed(text)


OPERANDS = ("a", "sys.Label", "user.b", "'x'", "5", "0.5", "TRUE", "@p", "newid()")
SYMBOLS = ("(", ")", "=", "<>", "+", "-", "*", ",")
KEYWORDS = ("NOT", "AND", "OR", "IN", "LIKE", "IS", "NULL")
WORDS = st.sampled_from(OPERANDS + SYMBOLS + KEYWORDS)


@given(st.lists(WORDS, max_size=12).map(" ".join) | st.text())
def test_any_text_is_a_condition_or_an_argument_error(text: str) -> None:
    try:
        parsed(text)
    except ArgumentError as error:
        assert str(error)  # noqa: PT017 (either is fine)
