import sys
from typing import Any

import pytest

from queue_app.errors import MalformedJson, NotAnObject, PayloadError, UnfaithfulJson
from queue_app.payload import MAX_DEPTH, MAX_INTEGER_DIGITS, encode_json, parse_payload


def _refusal(body: bytes, error: type[PayloadError]) -> str:
    with pytest.raises(error) as caught:
        parse_payload(body)
    assert type(caught.value) is error
    return str(caught.value)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"{}", {}),
        (b' \r\n\t{ "a" : 1 } \n', {"a": 1}),
        (b"\xef\xbb\xbf{}", {}),
        (b'{"": ""}', {"": ""}),
        (b'{"a": 1, "A": 2}', {"a": 1, "A": 2}),
        (b'{"a": {"a": {"a": 1}}}', {"a": {"a": {"a": 1}}}),
        (b'{"a": "\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a": "\\\\ud800"}', {"a": "\\ud800"}),
        (b'{"a": "\\u0000\\/\\b"}', {"a": "\0/\b"}),
        (b'{"a": [1e2, 1.10, -0.0]}', {"a": [100.0, 1.1, -0.0]}),
        (b'{"a": [0e-999, -0.000, 0E+9]}', {"a": [0.0, -0.0, 0.0]}),
        (b'{"a": 5e-324}', {"a": 5e-324}),
        (b'{"a": 18446744073709551617}', {"a": 18446744073709551617}),
    ],
)
def test_json_is_read_as_it_was_written(body: bytes, value: dict[str, Any]) -> None:
    assert repr(parse_payload(body)) == repr(value)


def test_integers_are_kept_up_to_the_limit() -> None:
    digits = b"9" * MAX_INTEGER_DIGITS
    expected = 10**MAX_INTEGER_DIGITS - 1
    assert parse_payload(b'{"a":[%b,-%b]}' % (digits, digits)) == {"a": [expected, -expected]}


def test_an_integer_beyond_the_limit_is_refused_with_its_place() -> None:
    body = b'{"a":[0,-' + b"9" * (MAX_INTEGER_DIGITS + 1) + b"]}"
    assert _refusal(body, UnfaithfulJson) == (
        'At $["a"][1]: an integer of 4301 digits; the limit is 4300.'
    )


def test_the_limit_does_not_depend_on_how_the_interpreter_was_started() -> None:
    body = b'{"a":' + b"9" * (MAX_INTEGER_DIGITS + 1) + b"}"
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        _refusal(body, UnfaithfulJson)
    finally:
        sys.set_int_max_str_digits(before)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"a": 1e309}', 'At $["a"]: the number 1e309 is too large for a 64-bit float.'),
        (b'{"a": [-1e309]}', 'At $["a"][0]: the number -1e309 is too large for a 64-bit float.'),
        (b'{"a": 1e-400}', 'At $["a"]: the number 1e-400 is too small for a 64-bit float.'),
        (b'{"a": -0.1E-400}', 'At $["a"]: the number -0.1E-400 is too small for a 64-bit float.'),
        (b'{"a": 1, "a": 1}', 'At $: the key "a" stands twice.'),
        (b'{"b": [{"a": 1, "\\u0061": 2}]}', 'At $["b"][0]: the key "a" stands twice.'),
        (b'{"a": "\\ud800"}', 'At $["a"]: the string holds a lone surrogate.'),
        (b'{"a": "\\uDC00\\uD800"}', 'At $["a"]: the string holds a lone surrogate.'),
        (b'{"a": {"\\ud800": 1}}', 'At $["a"]: a key holds a lone surrogate.'),
    ],
)
def test_what_would_change_is_refused_with_its_place(body: bytes, message: str) -> None:
    assert _refusal(body, UnfaithfulJson) == message


def test_the_first_of_several_refusals_is_told() -> None:
    body = b'{"a": [1, {"x": 1e999}], "b": 1e-999}'
    assert _refusal(body, UnfaithfulJson).startswith('At $["a"][1]["x"]:')


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"":', b"}")])
def test_nesting_is_kept_up_to_the_limit(opening: bytes, closing: bytes) -> None:
    levels = MAX_DEPTH - 1
    value = parse_payload(b'{"a":' + opening * levels + b"1" + closing * levels + b"}")
    assert parse_payload(encode_json(value)) == value


@pytest.mark.parametrize("opening", [b"[", b'{"":', b'[{"a":'])
@pytest.mark.parametrize("levels", [MAX_DEPTH, 262_000])
def test_deeper_nesting_is_refused_however_deep(opening: bytes, levels: int) -> None:
    message = _refusal(b'{"a":' + opening * levels, UnfaithfulJson)
    assert message.endswith("nested deeper than 100 levels.")


def test_the_place_of_too_deep_nesting_is_line_and_column() -> None:
    body = b'{"a":\n' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}"
    assert _refusal(body, UnfaithfulJson).startswith("Line 2, column 100:")


def test_brackets_in_strings_are_not_nesting() -> None:
    text = "[" * 200 + '\\"' + "{" * 200
    assert parse_payload(encode_json({text: [text]})) == {text: [text]}


def test_many_shallow_brackets_are_not_nesting() -> None:
    assert parse_payload(b'{"a":[' + b"[]," * 1000 + b"[]]}") == {"a": [[]] * 1001}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The body is empty; a JSON object is expected."),
        (b" \n ", "The body is empty; a JSON object is expected."),
        (b'{"a": "\xff"}', "The body is not UTF-8: see the byte at offset 7."),
        (b'{"a": "\xed\xa0\x80"}', "The body is not UTF-8: see the byte at offset 7."),
        ('{"a": 1}'.encode("utf-16"), "The body is not UTF-8: see the byte at offset 0."),
        (b'{"a": NaN}', 'At $["a"]: NaN is not JSON.'),
        (b'{"a": [-Infinity]}', 'At $["a"][0]: -Infinity is not JSON.'),
        (b"Infinity", "At $: Infinity is not JSON."),
        (b'{"a":\n  nul}', "Line 2, column 3: not JSON (Expecting value)."),
        (b"{} x", "Line 1, column 4: not JSON (Extra data)."),
        (b'{"a": "\n"}', "Line 1, column 8: not JSON (Invalid control character)."),
        (b'{"a": "', "Line 1, column 7: not JSON (Unterminated string)."),
    ],
)
def test_what_is_not_json_is_refused_with_its_place(body: bytes, message: str) -> None:
    assert _refusal(body, MalformedJson) == message


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"[]", "an array"),
        (b'"text"', "a string"),
        (b"1", "a number"),
        (b"1.5", "a number"),
        (b"true", "a boolean"),
        (b"null", "null"),
    ],
)
def test_other_json_than_an_object_is_named(body: bytes, name: str) -> None:
    assert _refusal(body, NotAnObject) == f"The body is {name}; a JSON object is expected."


def test_messages_repeat_only_the_beginning_of_long_texts() -> None:
    key = "k" * 100_000
    message = _refusal(encode_json({key: 1})[:-1] + b',"%b":2}' % key.encode(), UnfaithfulJson)
    assert len(message) < 100


def test_messages_can_be_encoded_whatever_the_keys_hold() -> None:
    message = _refusal(b'{"\\ud800": 1, "\\ud800": 2}', UnfaithfulJson)
    assert message == 'At $: the key "\\ud800" stands twice.'


def test_the_encoder_writes_compact_utf8() -> None:
    assert encode_json({"é": [1, None, True, "😀"]}) == '{"é":[1,null,true,"😀"]}'.encode()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"\ud800": 1}])
def test_the_encoder_refuses_what_json_cannot_say(value: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        encode_json(value)


def test_the_encoder_refuses_nesting_that_it_cannot_follow() -> None:
    value: list[Any] = []
    for _ in range(200_000):
        value = [value]
    with pytest.raises(ValueError, match="nested too deeply"):
        encode_json(value)


def test_the_encoder_refuses_types_that_json_does_not_know() -> None:
    with pytest.raises(TypeError):
        encode_json({"a": b"bytes"})
