import pytest

from servicebus_emulator.broker.errors import ArgumentError
from servicebus_emulator.broker.sql.tokens import LONGEST, Kind, tokenize


def values(text: str) -> list[object]:
    return [token.value for token in tokenize(text)[:-1]]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("9223372036854775807", 2**63 - 1),
        ("0.5", 0.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("101.5E5", 10_150_000.0),
        ("1e-2", 0.01),
        ("'it''s'", "it's"),
        ("''", ""),
    ],
)
def test_a_constant_has_its_value(text: str, value: object) -> None:
    [token, _] = tokenize(text)

    assert (token.kind, token.value) == (Kind.CONSTANT, value)
    assert type(token.value) is type(value)


@pytest.mark.parametrize(
    ("text", "name"),
    [("abc", "abc"), ("a_1", "a_1"), ("ü", "ü"), ("[a ]]b]", "a ]b"), ('"a ""b"', 'a "b')],
)
def test_a_name_comes_without_its_delimiters(text: str, name: str) -> None:
    [token, _] = tokenize(text)

    assert (token.kind, token.value) == (Kind.NAME, name)


def test_a_keyword_is_one_in_any_case_unless_delimited() -> None:
    kinds = [token.kind for token in tokenize("like LIKE [like] likes")]

    assert kinds == [Kind.KEYWORD, Kind.KEYWORD, Kind.NAME, Kind.NAME, Kind.END]


def test_symbols_are_as_long_as_they_can_be() -> None:
    assert values("a<>b!=c>=d<=e<f") == ["a", "<>", "b", "!=", "c", ">=", "d", "<=", "e", "<", "f"]


def test_a_parameter_keeps_its_sign() -> None:
    assert tokenize("@a")[0][:2] == (Kind.PARAMETER, "@a")


def test_positions_count_characters() -> None:
    assert [token.position for token in tokenize("a  = 'é' ")] == [0, 3, 5, 9]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = #", "no such word at position 5, near '#'"),
        ("'open", "no such word at position 1"),
        ("[]", "no such word at position 1"),
        ("9223372036854775808", "at most 64 bits at position 1"),
        ("a" * (LONGEST + 1), "has 1025 characters; 1024 are allowed"),
    ],
)
def test_what_is_no_word_is_refused_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem):
        tokenize(text)
