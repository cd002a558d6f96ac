"""The page and the service agree on what a job is: both judge the same texts."""

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from queue_app.errors import PayloadError
from queue_app.payload import parse_payload
from tests.browser.chromium import Watched
from tests.browser.served import Served

OpenPage = Callable[..., Watched]

JOBS = [
    "{}",
    ' {"a": [1, -0, 1.5e3, -0.0, 0e9, true, false, null, "", {}, []]}\r\n\t',
    '\ufeff{"": 1, "ü": "\\u00fc\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\"\\\\", "\U0001f600": 1}',
    '{"a": {"a": 1}, "b": {"a": 1}, "A": 12345678901234567890}',
    '{"a": 1e308, "b": 5e-324, "c": 0.00e-999}',
    '{"a": ' + "9" * 4300 + "}",
    '{"a": ' + "[" * 99 + "]" * 99 + "}",
    '{"a": "[[[[{{{{", "b": "' + "[" * 200 + '"}',
]
MISTAKES = {
    "": (1, 1, "a JSON object is expected"),
    " \n ": (2, 2, "a JSON object is expected"),
    "[1]": (1, 1, "this is an array; a JSON object is expected"),
    "\n 7": (2, 2, "this is a number; a JSON object is expected"),
    "null": (1, 1, "this is null; a JSON object is expected"),
    "{} {}": (1, 4, "nothing may follow the object"),
    "{": (1, 2, 'a key in double quotes, or "}", is expected'),
    '{"a"': (1, 5, '":" is expected after the key'),
    '{"a": }': (1, 7, "a value is expected"),
    '{"a": 1,}': (1, 8, "a comma before the end"),
    '{"a": [1,\n]}': (1, 9, "a comma before the end"),
    '{"a": 1 "b": 2}': (1, 9, '"," or "}" is expected'),
    "{'a': 1}": (1, 2, "keys stand in double quotes"),
    '{"a": NaN}': (1, 7, "NaN is not JSON"),
    '{"a": -Infinity}': (1, 7, "-Infinity is not JSON"),
    '{"a": True}': (1, 7, "True is not JSON; write true"),
    '{"a": 01}': (1, 8, '"," or "}" is expected'),
    '{"a": "x': (1, 7, "this string has no end"),
    '{"a": "x\n"}': (1, 9, "a line break in a string is written \\n"),
    '{"a": "\t"}': (1, 8, "a control character in a string is written as an escape"),
    '{"a": "\\x"}': (1, 8, "this escape is none that JSON knows"),
    '{"😀": 1, "a": 2, "a": 3}': (1, 18, 'the key "a" stands twice'),
    '{"a": [{"b": 1, "\\u0062": 2}]}': (1, 17, 'the key "b" stands twice'),
    '{"a": "\\ud800"}': (1, 7, "the string holds a lone surrogate"),
    '{"\\udfff\\ud800": 1}': (1, 2, "the string holds a lone surrogate"),
    '{"a": 1e400}': (1, 7, "the number 1e400 is too large for a 64-bit float"),
    '{"a": -0.01e-400}': (1, 7, "the number -0.01e-400 is too small for a 64-bit float"),
    '{"a": ' + "9" * 4301 + "}": (1, 7, "an integer of 4301 digits; the limit is 4300"),
    '{"a": ' + "[" * 100 + "]" * 100 + "}": (1, 106, "nested deeper than 100 levels"),
}


def is_job(text: str) -> bool:
    try:
        parse_payload(text.encode())
    except PayloadError:
        return False
    return True


def spoiled(seed: int, count: int) -> list[str]:
    """Texts that are nearly jobs."""
    chance = random.Random(seed)
    signs = [*'{}[]",:\\ue+-.0123456789 \n\ttrfalsn\x00\u2028ü', "\\ud83d", "null", "1e999"]
    texts = []
    for _ in range(count):
        text = list(chance.choice(JOBS[:5]))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(text) + 1)
            text[place : place + chance.randint(0, 2)] = chance.choices(
                signs, k=chance.randint(0, 2)
            )
        texts.append("".join(text))
    return texts


@pytest.fixture
def ask(served: Served, open_page: OpenPage) -> Callable[[str, list[str]], Any]:
    """Call a function of the page's module for each of some texts."""
    page = open_page(f"{served.url}/ui").page

    def ask(function: str, texts: list[str]) -> Any:
        call = "async ([name, texts]) => texts.map((await import('/ui/json_text.js'))[name])"
        return page.evaluate(call, [function, texts])

    return ask


def test_the_page_takes_what_the_service_takes(ask: Callable[..., Any]) -> None:
    assert [is_job(text) for text in JOBS] == [True] * len(JOBS)
    assert ask("mistakeIn", JOBS) == [None] * len(JOBS)


def test_the_page_says_where_a_mistake_is_that_the_service_refuses(ask: Callable[..., Any]) -> None:
    assert [text for text in MISTAKES if is_job(text)] == []
    told = ask("mistakeIn", list(MISTAKES))
    assert [(one["line"], one["column"], one["message"]) for one in told] == [*MISTAKES.values()]


def test_page_and_service_agree_on_spoiled_jobs(ask: Callable[..., Any]) -> None:
    texts = spoiled(7, 3000)
    judged = zip(texts, ask("mistakeIn", texts), strict=True)
    assert [text for text, mistake in judged if (mistake is None) != is_job(text)] == []
    assert sum(map(is_job, texts)) > 100


def test_formatting_changes_white_space_only(ask: Callable[..., Any]) -> None:
    def values(text: str) -> Any:
        return json.loads(text.removeprefix("\ufeff"), parse_float=str, object_pairs_hook=list)

    texts = [text.removeprefix("\ufeff") for text in JOBS]
    pretty = ask("pretty", texts)
    assert [values(text) for text in pretty] == [values(text) for text in texts]
    assert pretty[0] == "{}"
    assert ask("pretty", pretty) == pretty
