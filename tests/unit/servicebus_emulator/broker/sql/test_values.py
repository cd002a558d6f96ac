from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from servicebus_emulator.broker.facts import FilterError
from servicebus_emulator.broker.sql.values import compare, is_like, reckon

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, 1.0),
        ("a", "a"),
        (True, True),
        (UUID(int=1), UUID(int=1)),
        (NOON, NOON.replace(tzinfo=None)),
        (timedelta(1), timedelta(1)),
        (b"a", b"a"),
    ],
)
def test_values_of_one_family_can_be_equal(left: Any, right: Any) -> None:
    assert compare("=", left, right) is True
    assert compare("<>", left, right) is False


@pytest.mark.parametrize(
    ("left", "right"), [(1, "1"), (True, 1), ("a", "A"), (1, 2), (NOON, 5), ([], [])]
)
def test_values_of_different_families_differ(left: Any, right: Any) -> None:
    assert compare("=", left, right) is False
    assert compare("!=", left, right) is True


@pytest.mark.parametrize("symbol", ["=", "<>", "!=", ">", ">=", "<", "<="])
def test_a_comparison_with_the_unknown_is_unknown(symbol: str) -> None:
    assert compare(symbol, None, 1) is compare(symbol, "a", None) is None


def test_order_is_that_of_numbers_strings_and_times() -> None:
    assert compare("<", 1, 1.5) is True
    assert compare(">=", "b", "a") is True
    assert compare(">", NOON, NOON) is False
    assert compare("<=", NOON, NOON + timedelta(1)) is True


@pytest.mark.parametrize(("left", "right"), [(1, "1"), (True, False), (object(), object())])
def test_what_has_no_order_cannot_be_ordered(left: Any, right: Any) -> None:
    with pytest.raises(FilterError, match="no order"):
        compare("<", left, right)


@pytest.mark.parametrize(
    ("symbol", "left", "right", "result"),
    [
        ("+", 1, 2, 3),
        ("+", "a", "b", "ab"),
        ("-", 1, 0.5, 0.5),
        ("*", 3, 4, 12),
        ("/", 7, 2, 3),
        ("/", -7, 2, -3),
        ("%", -7, 2, -1),
        ("%", 7, -2, 1),
        ("/", 7.0, 2, 3.5),
        ("%", -7.5, 2, -1.5),
        ("+", None, 1, None),
        ("%", 1, None, None),
    ],
)
def test_arithmetic_is_that_of_c_sharp(symbol: str, left: Any, right: Any, result: Any) -> None:
    assert reckon(symbol, left, right) == result


@pytest.mark.parametrize(
    ("symbol", "left", "right"),
    [
        ("+", "a", 1),
        ("-", "a", "b"),
        ("*", True, 2),
        ("/", 1, 0),
        ("%", 1.0, 0.0),
        ("*", 5, 2**62),
        ("-", -(2**63), 1),
        ("/", -(2**63), -1),
    ],
)
def test_what_has_no_result_is_an_error(symbol: str, left: Any, right: Any) -> None:
    with pytest.raises(FilterError):
        reckon(symbol, left, right)


@pytest.mark.parametrize(
    ("text", "pattern", "matches"),
    [
        ("order-1", "order%", True),
        ("my order", "order%", False),
        ("my order", "%order", True),
        ("abcde", "a%c%e", True),
        ("abcd", "a%c%e", False),
        ("abc", "a_c", True),
        ("ac", "a_c", False),
        ("a.c", "a.c", True),
        ("abc", "a.c", False),
        ("a\nc", "a%", True),
        ("", "%", True),
        ("a", "%%", True),
        ("xaab", "%a_b", True),
    ],
)
def test_like_knows_percent_and_underscore(text: str, pattern: str, matches: bool) -> None:
    assert is_like(text, pattern, None) is matches


def test_an_escaped_wildcard_stands_for_itself() -> None:
    assert is_like("ABC%", r"ABC\%", "\\") is True
    assert is_like("ABCD", r"ABC\%", "\\") is False


def test_like_with_the_unknown_is_unknown() -> None:
    assert is_like(None, "%", None) is is_like("a", None, None) is None


@pytest.mark.parametrize(("text", "pattern", "escape"), [(5, "%", None), ("a", "a!", "!")])
def test_like_takes_strings_and_whole_patterns(text: Any, pattern: str, escape: str | None) -> None:
    with pytest.raises(FilterError):
        is_like(text, pattern, escape)


def test_no_pattern_takes_for_ever() -> None:
    assert is_like("a" * 50_000, "%a%a%a%a%a%b", None) is False
