"""Hypothesis strategies for JSON: values, the many ways to write them, and what to refuse.

* `json_objects()` draws objects that the API must keep: all of Unicode but lone surrogates, big
  integers, extreme floats, empty and colliding keys, deep and wide nesting.
* `written(value)` draws one of the many JSON texts of a value: whitespace, escapes, exponents.
* `payload_bodies()` draws both: the bytes of a body, and the object that must arrive.
* `unfaithful_bodies()` and `malformed_bodies()` draw what must be refused, with 422 and 400.
* `body_of_size(size)` and `sizes_around(*edges)` are for limits; `bodies_of_size(size)` draws any
  object that is so long, on the wire or as compact JSON.

Compare with `identical`: Python's own ``==`` takes 1, 1.0 and True for the same.
"""

import functools
import json
import random
from typing import Any

from hypothesis import strategies as st

MAX_DEPTH = 100
"""Documented: levels of arrays and objects that a payload may have."""

MAX_INTEGER_DIGITS = 4300
"""Documented: digits that an integer may have."""

_EXTREME_FLOATS = [0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308]
_COLLIDING_KEYS = ["", " ", "a", "A", "á", "a\u0301", "__proto__", "task_id", "0", "\0", "args"]
_SHORT_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "\b": "b", "\f": "f", "\n": "n", "\r": "r"}
_WHITESPACE = ["", "", "", " ", "\n", "\t", "\r\n", "  \n"]


def identical(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same: types, signs of zero and order of keys included."""
    return repr(one) == repr(other)


@functools.cache
def texts() -> st.SearchStrategy[str]:
    """All of Unicode but lone surrogates, which no UTF-8 can carry."""
    return st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@functools.cache
def keys() -> st.SearchStrategy[str]:
    """Keys, some of which programs tend to confuse."""
    return st.sampled_from(_COLLIDING_KEYS) | texts()


@functools.cache
def integers() -> st.SearchStrategy[int]:
    """Small ones, those around powers of two, and those as long as the limit allows."""
    edges = st.sampled_from([2**31, 2**53, 2**63, 2**64, 10**400])
    around = st.builds(lambda edge, step: edge + step, edges, st.integers(-2, 2))
    digits = st.integers(MAX_INTEGER_DIGITS - 1, MAX_INTEGER_DIGITS)
    huge = digits.map(lambda count: 10**count - 1)
    return st.integers() | around | around.map(lambda n: -n) | huge | huge.map(lambda n: -n)


@functools.cache
def floats() -> st.SearchStrategy[float]:
    """Every finite float; the extremes often."""
    return st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(_EXTREME_FLOATS)


@functools.cache
def json_values(max_leaves: int = 20) -> st.SearchStrategy[Any]:
    """Any JSON value that can be kept."""
    leaves = st.none() | st.booleans() | integers() | floats() | texts()
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=5) | st.dictionaries(keys(), inner, max_size=5) | inner
        ),
        max_leaves=max_leaves,
    )


@st.composite
def json_objects(draw: st.DrawFn, max_leaves: int = 20, levels_around: int = 0) -> dict[str, Any]:
    """Any JSON object that can be kept, sometimes nested as deep as the limit allows.

    Args:
        draw: Hypothesis'.
        max_leaves: How many values it holds, nested ones included.
        levels_around: Levels left free for what the caller puts around it.
    """
    value = draw(st.dictionaries(keys(), json_values(max_leaves), max_size=6))
    if not draw(st.booleans()):
        return value
    levels = draw(st.integers(0, MAX_DEPTH - 1 - levels_around - depth_of(value)))
    return {draw(keys()): draw(wrapped(value, levels))}


@st.composite
def wrapped(draw: st.DrawFn, value: Any, levels: int) -> Any:
    """Put arrays and objects around a value."""
    kinds = draw(st.integers(0, 2**levels - 1))  # one draw: to draw each would take too long
    for level in range(levels):
        value = {"": value} if kinds >> level & 1 else [value]
    return value


def depth_of(value: Any) -> int:
    """How many levels of arrays and objects a value has."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return 1 + max(map(depth_of, value), default=0)
    return 0


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """Draw one of the JSON texts of a value."""
    return draw(_writers()).write(value)


@st.composite
def payload_bodies(draw: st.DrawFn) -> tuple[bytes, dict[str, Any]]:
    """A body that must be accepted, and the object that must arrive."""
    value = draw(json_objects())
    mark = draw(st.sampled_from([b"", b"", b"", b"\xef\xbb\xbf"]))
    return mark + draw(written(value)).encode(), value


@st.composite
def unfaithful_bodies(draw: st.DrawFn) -> bytes:
    """A body that is a JSON object, but holds something that cannot be kept."""
    writer = draw(_writers())
    bad = draw(st.one_of(_duplicates(writer), _surrogates(), _numbers(), _too_deep()))
    before, after = draw(json_values(5)), draw(json_values(5))
    return f'{{"x":[{writer.write(before)},{bad},{writer.write(after)}]}}'.encode()


@st.composite
def malformed_bodies(draw: st.DrawFn) -> bytes:
    """A body that is not JSON: cut short, followed by more, spoiled inside, or not UTF-8."""
    # Nesting that is too deep would be what is wrong with it first.
    body = draw(written(draw(json_objects(levels_around=2)))).strip().encode()
    cut = st.integers(0, len(body) - 1).map(lambda end: body[:end])
    more = st.sampled_from([b"}", b"{}", b"x", b"\0", b",", b"\xff"]).map(lambda tail: body + tail)
    spoils = [b"NaN", b"-Infinity", b"Infinity", b"01", b"+1", b".5", b"1.", b"'a'", b"tru", b""]
    spoils += [b'"\n"', b'"\\x41"', b'"\\u12"', b"[1,]", b'{"a":1,}', b"/**/1", b'"\xed\xa0\x80"']
    inside = st.sampled_from(spoils).map(lambda bad: b'{"x":[' + body + b"," + bad + b"]}")
    return draw(cut | more | inside)


def sizes_around(*edges: int) -> st.SearchStrategy[int]:
    """Sizes at most two away from an edge."""
    return st.builds(lambda edge, step: edge + step, st.sampled_from(edges), st.integers(-2, 2))


def body_of_size(size: int, character: str = "x") -> bytes:
    """Return a JSON object of exactly `size` bytes (at least 8), filled with one character."""
    room = size - len(b'{"a":""}')
    width = len(character.encode())
    filling = character * (room // width) + "x" * (room % width)
    return f'{{"a":"{filling}"}}'.encode()


@st.composite
def bodies_of_size(draw: st.DrawFn, size: int, longest: int) -> tuple[bytes, dict[str, Any]]:
    """A body around any object, of exactly `size` bytes once it is compact JSON.

    Whitespace makes some of them longer on the wire, up to `longest` or one byte more.
    """
    value = draw(json_objects(max_leaves=5).filter(lambda v: len(_compact(v)) < size // 2))
    value.pop("padding", None)
    value["padding"] = ""
    room = size - len(_compact(value))
    character = draw(st.sampled_from(["x", "é", "€", "😀", '"', "\\", "\x01"]))
    width = len(_compact(character)) - 2
    value["padding"] = character * (room // width) + "x" * (room % width)
    body = _compact(value)
    gaps = draw(st.sampled_from([0, longest - len(body), longest + 1 - len(body)]))
    return b" " * max(0, gaps) + body, value


def _compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _duplicates(writer: "_Writer") -> st.SearchStrategy[str]:
    def write(key: str, one: Any, other: Any) -> str:
        members = (f"{writer.text(key)}:{writer.write(value)}" for value in (one, other))
        return "{" + ",".join(members) + "}"

    return st.builds(write, keys(), json_values(3), json_values(3))


def _surrogates() -> st.SearchStrategy[str]:
    lone = st.integers(0xD800, 0xDFFF).map(lambda unit: f'"\\u{unit:04x}"')
    swapped = st.just('"\\udc00\\ud800"')
    in_key = st.just('{"\\uD83D":1}')
    return lone | swapped | in_key | lone.map(lambda text: f'"before {text[1:-1]}é"')


def _numbers() -> st.SearchStrategy[str]:
    huge = st.integers(309, 10**6).map(lambda exponent: f"1e{exponent}")
    tiny = st.integers(325, 10**6).map(lambda exponent: f"-0.1E-{exponent}")
    long = st.integers(MAX_INTEGER_DIGITS + 1, 6000).map(lambda count: "-" + "7" * count)
    return huge | tiny | long


def _too_deep() -> st.SearchStrategy[str]:
    # The two levels around it count as well; one more makes it too many.
    levels = st.integers(MAX_DEPTH - 1, 20_000)
    arrays = levels.map(lambda count: "[" * count + "]" * count)
    objects = levels.map(lambda count: '{"":' * count + "0" + "}" * count)
    return arrays | objects


@functools.cache
def _writers() -> st.SearchStrategy["_Writer"]:
    """Writers that differ by a seed; to draw each of their choices would take too long."""
    return st.integers(0, 2**32 - 1).map(lambda seed: _Writer(random.Random(seed)))


class _Writer:
    """Writes JSON in all the ways that RFC 8259 allows, as its random numbers say."""

    def __init__(self, choices: random.Random) -> None:
        self._choices = choices

    def write(self, value: Any) -> str:
        gap = self._choices.choice(_WHITESPACE)
        return gap + self._bare(value) + self._choices.choice(_WHITESPACE)

    def text(self, value: str) -> str:
        escape_all = self._choices.random() < 0.1
        return '"' + "".join(self._character(c, escape=escape_all) for c in value) + '"'

    def _bare(self, value: Any) -> str:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            members = (f"{self._key(key)}:{self.write(item)}" for key, item in value.items())
            return "{" + ",".join(members) + self._choices.choice(_WHITESPACE) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(self.write, value)) + self._choices.choice(_WHITESPACE) + "]"
        if isinstance(value, float):
            return self._float(value)
        return json.dumps(value)

    def _key(self, key: str) -> str:
        return self._choices.choice(_WHITESPACE) + self.text(key) + self._choices.choice(["", " "])

    def _float(self, value: float) -> str:
        style = self._choices.choice(["r", ".17e", ".25E"])
        return repr(value) if style == "r" else format(value, style)

    def _character(self, character: str, *, escape: bool) -> str:
        must = character in '"\\' or character < " "
        if not must and not escape and self._choices.random() > 0.05:
            return character
        if character in _SHORT_ESCAPES and self._choices.random() < 0.5:
            return "\\" + _SHORT_ESCAPES[character]
        units = character.encode("utf-16-be").hex()
        units = units.upper() if self._choices.random() < 0.5 else units
        return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
