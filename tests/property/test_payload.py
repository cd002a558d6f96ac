import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from queue_app.errors import MalformedJson, PayloadError, UnfaithfulJson
from queue_app.payload import encode_json, parse_payload
from tests.property import strategies as given_json
from tests.property.profiles import large


@large()
@given(given_json.payload_bodies())
def test_however_it_is_written_the_object_is_what_was_sent(sent: tuple[bytes, Any]) -> None:
    body, value = sent
    assert given_json.identical(parse_payload(body), value)


@large()
@given(given_json.json_objects())
def test_an_object_survives_encoding_and_parsing(value: dict[str, Any]) -> None:
    assert given_json.identical(parse_payload(encode_json(value)), value)


@large()
@given(given_json.json_objects())
def test_other_parsers_read_what_the_encoder_writes(value: dict[str, Any]) -> None:
    assert given_json.identical(json.loads(encode_json(value)), value)


@large()
@given(given_json.unfaithful_bodies())
def test_what_cannot_be_kept_is_refused(body: bytes) -> None:
    with pytest.raises(UnfaithfulJson):
        parse_payload(body)


@large()
@given(given_json.malformed_bodies())
def test_what_is_not_json_is_refused_as_malformed(body: bytes) -> None:
    with pytest.raises(MalformedJson):
        parse_payload(body)


@example(b"[" * 262_144)
@example(b'{"":' * 50_000)
@example(b'"' + b"\\" * 262_143)
@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\u0d8eE+-.1nN \n').map(str.encode))
def test_any_bytes_become_an_object_or_a_payload_error(body: bytes) -> None:
    try:
        value = parse_payload(body)
    except PayloadError:
        return
    assert given_json.identical(value, json.loads(body.decode("utf-8-sig")))


@large()
@given(given_json.unfaithful_bodies() | given_json.malformed_bodies())
def test_messages_of_refusals_can_be_encoded(body: bytes) -> None:
    with pytest.raises(PayloadError) as caught:
        parse_payload(body)
    assert encode_json(str(caught.value))


@given(given_json.sizes_around(1000, 65_536), st.sampled_from("xé€😀"))
def test_bodies_can_be_made_in_every_size(size: int, character: str) -> None:
    body = given_json.body_of_size(size, character)
    assert len(body) == size
    assert parse_payload(body) == json.loads(body)


@large()
@given(st.data(), given_json.sizes_around(1000, 65_536))
def test_any_object_can_be_made_in_every_size(data: st.DataObject, size: int) -> None:
    body, value = data.draw(given_json.bodies_of_size(size, 70_000))
    assert len(encode_json(value)) == size
    assert len(body) in {size, 70_000, 70_001}
    assert given_json.identical(parse_payload(body), value)
