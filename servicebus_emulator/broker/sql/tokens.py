"""The words of the language.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-messaging-sql-filter
"""

from __future__ import annotations

import enum
import re
from typing import Any, NamedTuple

from servicebus_emulator.broker.errors import ArgumentError
from servicebus_emulator.broker.sql.values import HIGHEST

LONGEST = 1024
"""Characters of a condition or an action, as in the service."""

KEYWORDS = frozenset(
    "AND ESCAPE EXISTS FALSE IN IS LIKE NOT NULL OR REMOVE SET TRUE".split()  # noqa: SIM905
)


class Kind(enum.Enum):
    """What a token is."""

    KEYWORD = "keyword"
    NAME = "name"
    PARAMETER = "parameter"
    CONSTANT = "constant"
    SYMBOL = "symbol"
    END = "end"


class Token(NamedTuple):
    """A word at its place, which counts from 0.

    Attributes:
        value: A keyword in upper case, a name without its delimiters, a constant's value.
    """

    kind: Kind
    value: Any
    position: int
    text: str


_PATTERN = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)
    | (?P<string>'(?:[^']|'')*')
    | (?P<bracketed>\[(?:[^\]]|\]\])+\])
    | (?P<quoted>"(?:[^"]|"")+")
    | (?P<parameter>@[^\W\d]\w*)
    | (?P<word>[^\W\d]\w*)
    | (?P<symbol><>|!=|>=|<=|[=<>+\-*/%(),.;])
    """,
    re.VERBOSE,
)


def tokenize(text: str) -> list[Token]:
    """Take a text apart; the last token is the end.

    Raises:
        ArgumentError: Something in it is no word of the language, or it is too long.
    """
    if len(text) > LONGEST:
        raise ArgumentError(f"The expression has {len(text)} characters; {LONGEST} are allowed.")
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _PATTERN.match(text, position)
        if match is None:
            raise syntax_error("There is no such word", position, text[position])
        if match.lastgroup != "space":
            tokens.append(_token(match))
        position = match.end()
    tokens.append(Token(Kind.END, None, len(text), "the end"))
    return tokens


def syntax_error(problem: str, position: int, near: str) -> ArgumentError:
    """An error that says where; people count from 1."""
    return ArgumentError(f"{problem} at position {position + 1}, near '{near[:40]}'.")


def _token(match: re.Match[str]) -> Token:
    text, position = match.group(), match.start()
    kind, value = Kind.SYMBOL, text
    match match.lastgroup:
        case "word" if text.upper() in KEYWORDS:
            kind, value = Kind.KEYWORD, text.upper()
        case "word":
            kind = Kind.NAME
        case "bracketed":
            kind, value = Kind.NAME, text[1:-1].replace("]]", "]")
        case "quoted":
            kind, value = Kind.NAME, text[1:-1].replace('""', '"')
        case "parameter":
            kind = Kind.PARAMETER
        case "string":
            kind, value = Kind.CONSTANT, text[1:-1].replace("''", "'")
        case "number":
            return Token(Kind.CONSTANT, _number(text, position), position, text)
    return Token(kind, value, position, text)


def _number(text: str, position: int) -> int | float:
    if not text.isdigit():
        return float(text)
    value = int(text)
    if value > HIGHEST:
        raise syntax_error("An integer has at most 64 bits", position, text)
    return value
