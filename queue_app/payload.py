"""JSON that arrives as it was sent, or is refused: the strict parser and the one encoder.

RFC 8259 leaves to each parser what duplicate keys, huge numbers and lone surrogates mean. Python's
answers by dropping values, rounding to infinity, and accepting strings that UTF-8 cannot carry.
Here each of these is an error that says where it is.

Numbers with a fraction or an exponent are read as IEEE 754 binary64 (RFC 8259, section 6), integers
exactly.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

from queue_app.errors import MalformedJson, NotAnObject, PayloadError, UnfaithfulJson

MAX_DEPTH = 100
"""Levels of arrays and objects, the outermost included; far below any interpreter's stack."""

MAX_INTEGER_DIGITS = 4300
"""Python's own default limit for int(str) and str(int), so that no reader stumbles."""

_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{\]}]', re.DOTALL)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_NONZERO = re.compile(r"-?[0.]*[1-9]")
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_BLANKS = " \t\n\r"
_SHOWN = 40  # characters of a client's text that a message repeats

_Path: TypeAlias = "tuple[_Path, str | int] | None"  # innermost step last, None for the root


@dataclass(frozen=True, slots=True)
class _Refused:
    """Stands in the parsed tree where a value was that cannot be kept."""

    error: type[PayloadError]
    reason: str


class _Hooks:
    """What the standard library's parser calls for each number, constant and object."""

    def integer(self, literal: str) -> int | _Refused:
        digits = len(literal) - literal.startswith("-")
        if digits > MAX_INTEGER_DIGITS:
            reason = f"an integer of {digits} digits; the limit is {MAX_INTEGER_DIGITS}"
            return self._refuse(UnfaithfulJson, reason)
        return int(literal)

    def fraction(self, literal: str) -> float | _Refused:
        value = float(literal)
        if value in (float("inf"), float("-inf")):
            reason = f"the number {_shorten(literal)} is too large for a 64-bit float"
            return self._refuse(UnfaithfulJson, reason)
        if value == 0 and _NONZERO.match(literal):
            reason = f"the number {_shorten(literal)} is too small for a 64-bit float"
            return self._refuse(UnfaithfulJson, reason)
        return value

    def constant(self, literal: str) -> _Refused:
        return self._refuse(MalformedJson, f"{literal} is not JSON")

    def members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any] | _Refused:
        value = dict(pairs)
        if len(value) == len(pairs):
            return value
        return self._refuse(UnfaithfulJson, f"the key {_shorten(_duplicate(pairs))} stands twice")

    def _refuse(self, error: type[PayloadError], reason: str) -> _Refused:
        return _Refused(error, reason)


class _Impatient(_Hooks):
    """Ends the parsing at what cannot be kept: it has to be done again, to tell what and where."""

    def _refuse(self, error: type[PayloadError], reason: str) -> NoReturn:
        raise error(reason)


def _decoder(hooks: _Hooks) -> json.JSONDecoder:
    return json.JSONDecoder(
        parse_int=hooks.integer,
        parse_float=hooks.fraction,
        parse_constant=hooks.constant,
        object_pairs_hook=hooks.members,
    )


_IMPATIENT = _decoder(_Impatient())  # one for all requests: it has no state


def parse_payload(body: bytes) -> dict[str, Any]:
    """Read the body of a request as a JSON object.

    A byte order mark at the start is ignored, as RFC 8259 (section 8.1) allows.

    Raises:
        MalformedJson: not UTF-8, or not JSON (``NaN`` and ``Infinity`` are not JSON).
        NotAnObject: JSON, but not an object.
        UnfaithfulJson: duplicate keys, lone surrogates, floats that overflow or vanish, integers
            of more than `MAX_INTEGER_DIGITS` digits, nesting deeper than `MAX_DEPTH`.
    """
    text = _decode(body)
    _check_depth(text)
    try:
        value = _parse_impatiently(text.strip(_BLANKS))
    except (PayloadError, ValueError):
        value = _parse_patiently(text)
        _raise_first_refusal(value)
    if _ESCAPED_SURROGATE.search(text) and not _can_encode(value):
        _raise_first_refusal(value)
    if not isinstance(value, dict):
        raise NotAnObject(f"The body is {_json_name(value)}; a JSON object is expected.")
    return value


def encode_json(value: Any) -> bytes:
    """Write a value as compact JSON in UTF-8.

    Raises:
        ValueError: NaN, infinity, a lone surrogate, a cycle, an integer of too many digits, or
            nesting too deep for the interpreter.
        TypeError: a value that JSON does not know.
    """
    try:
        text = _ENCODER.encode(value)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return text.encode()


def decode_utf8(body: bytes) -> str:
    """Read the text of a body; a byte order mark at the start is ignored.

    Raises:
        MalformedJson: not UTF-8.
    """
    try:
        return body.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise MalformedJson(
            f"The body is not UTF-8: see the byte at offset {error.start}."
        ) from None


def _decode(body: bytes) -> str:
    text = decode_utf8(body)
    if not text.strip():
        raise MalformedJson("The body is empty; a JSON object is expected.")
    return text


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the parser, which recurses, sees it."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        first = text[match.start()]
        if first in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                where = _line_and_column(text, match.start())
                raise UnfaithfulJson(f"{where}: nested deeper than {MAX_DEPTH} levels.")
        elif first in "]}":
            depth -= 1


def _parse_impatiently(text: str) -> Any:
    """What is there; an exception without details when there is something to refuse."""
    value, end = _IMPATIENT.raw_decode(text)
    if end != len(text):
        raise ValueError
    return value


def _parse_patiently(text: str) -> Any:
    """What is there, with a note at each place where something was that cannot be kept."""
    try:
        return _decoder(_Hooks()).decode(text)
    except json.JSONDecodeError as error:
        problem = error.msg.rstrip(": ").removesuffix(" at").removesuffix(" starting")
        where = _line_and_column(text, error.pos)
        raise MalformedJson(f"{where}: not JSON ({problem}).") from None


def _can_encode(value: Any) -> bool:
    # Far cheaper than a walk, and pairs of surrogates, which are no fault, are common.
    try:
        encode_json(value)
    except UnicodeEncodeError:
        return False
    return True


def _raise_first_refusal(root: Any) -> None:
    for path, value in _walk(root):
        if isinstance(value, _Refused):
            raise value.error(f"At {_spell(path)}: {value.reason}.")
        if isinstance(value, str) and _has_lone_surrogate(value):
            raise UnfaithfulJson(f"At {_spell(path)}: the string holds a lone surrogate.")
        if isinstance(value, dict) and any(map(_has_lone_surrogate, value)):
            raise UnfaithfulJson(f"At {_spell(path)}: a key holds a lone surrogate.")


def _walk(root: Any) -> Iterator[tuple[_Path, Any]]:
    """Yield every value with its path, in the order of the document."""
    pending: list[tuple[_Path, Any]] = [(None, root)]
    while pending:
        path, value = pending.pop()
        yield path, value
        if isinstance(value, dict):
            pending.extend(((path, key), child) for key, child in reversed(value.items()))
        elif isinstance(value, list):
            last = len(value) - 1
            pending.extend(((path, last - i), child) for i, child in enumerate(reversed(value)))


def _has_lone_surrogate(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _duplicate(pairs: list[tuple[str, Any]]) -> str:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            break
        seen.add(key)
    return json.dumps(key)


def _spell(path: _Path) -> str:
    """Spell a path as JSONPath (RFC 9535), e.g. ``$["order"][3]``."""
    steps: list[str] = []
    while path is not None:
        path, step = path
        steps.append(f"[{_shorten(json.dumps(step))}]")
    return "$" + "".join(reversed(steps))


def _line_and_column(text: str, position: int) -> str:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"Line {line}, column {column}"


def _shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _json_name(value: Any) -> str:
    if value is None:
        return "null"
    names = {list: "an array", str: "a string", bool: "a boolean"}
    return names.get(type(value), "a number")
