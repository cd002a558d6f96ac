from __future__ import annotations

import uuid
from typing import Any

import pytest

from servicebus_emulator.amqp.codec import encode
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.message import (
    BareMessage,
    Header,
    Properties,
    data_sections,
    decode_annotations,
    decode_application_properties,
    decode_bare,
    decode_header,
    decode_identity,
    decode_properties,
    encode_bare,
    identity_of_plain,
    join,
)
from servicebus_emulator.amqp.sections import split
from servicebus_emulator.amqp.types import Described, Symbol, Timestamp, UInt, ULong

PROPERTIES = Properties(
    uuid.UUID(int=5),
    b"me",
    "to",
    "subject",
    "reply",
    ULong(7),
    "text/plain",
    "gzip",
    1,
    2,
    "group",
    3,
    "back",
)
ANNOTATIONS = {Symbol("x-opt-sequence-number"): 1, Symbol("x-opt-enqueued-time"): Timestamp(5)}
BARE = encode_bare(
    BareMessage(PROPERTIES, {"a": UInt(1)}, data=[b"one", b"two"], footer={Symbol("f"): 1})
)
WHOLE = join(Header(True, 9, 1000, True, 3), {Symbol("d"): 1}, ANNOTATIONS, BARE)


def section(code: int, value: Any) -> bytes:
    return encode(Described(ULong(code), value))


def test_a_message_joined_without_sections_is_the_bare_message() -> None:
    assert join(None, None, {}, BARE) == BARE


def test_header_and_annotations_come_back() -> None:
    sections = split(WHOLE)
    assert decode_header(sections.header) == Header(True, 9, 1000, True, 3)
    assert decode_annotations(sections.message_annotations) == ANNOTATIONS
    assert decode_annotations(sections.delivery_annotations) == {"d": 1}


@pytest.mark.parametrize(
    "properties",
    [
        Properties(message_id="ä", group_id="s@", content_type="text/plain"),
        Properties(message_id="one", creation_time=1, group_id="s"),
        Properties(message_id=5),
        Properties(),
    ],
)
def test_the_identity_alone_is_decoded_however_it_is_written(properties: Properties) -> None:
    bare = encode_bare(BareMessage(properties=properties))
    long = bare.replace(b"\x53\x73", b"\x80" + bytes(7) + b"\x73", 1)

    assert decode_identity(bare) == (properties.message_id, properties.group_id)
    assert decode_identity(long) == (properties.message_id, properties.group_id)
    assert decode_identity(b"") == (None, None)


def test_absent_sections_decode_to_their_defaults() -> None:
    body = section(0x77, 1)
    assert decode_header(b"") == Header()
    assert decode_annotations(b"") == {}
    assert decode_properties(body) == decode_properties(b"") == Properties()
    assert decode_application_properties(body) == {}
    assert data_sections(body) == []
    assert decode_bare(b"") == BareMessage()


def test_parts_of_the_bare_message_can_be_read_alone() -> None:
    assert decode_properties(BARE) == PROPERTIES
    assert decode_application_properties(BARE) == {"a": 1}
    assert data_sections(BARE) == [b"one", b"two"]


def test_identifiers_keep_their_amqp_type() -> None:
    properties = decode_properties(BARE)
    assert isinstance(properties.message_id, uuid.UUID)
    assert isinstance(properties.correlation_id, ULong)


@pytest.mark.parametrize(
    "message",
    [
        BareMessage(),
        BareMessage(PROPERTIES, {"a": 1}, data=[b"", b"x" * 300], footer={Symbol("f"): None}),
        BareMessage(sequences=[[], [1, "a"]]),
        BareMessage(has_value=True),
        BareMessage(value={"a": [1]}, has_value=True),
    ],
)
def test_a_bare_message_comes_back(message: BareMessage) -> None:
    assert decode_bare(encode_bare(message)) == message


@pytest.mark.parametrize(
    "bare",
    [
        section(0x73, {}),
        section(0x74, []),
        section(0x75, "text"),
        section(0x76, {}),
        section(0x78, []),
        section(0x70, []),
    ],
)
def test_a_section_with_impossible_contents_is_a_decode_error(bare: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_bare(bare)


def test_impossible_contents_are_seen_when_parts_are_read_alone() -> None:
    with pytest.raises(DecodeError):
        decode_application_properties(section(0x74, []))
    with pytest.raises(DecodeError):
        data_sections(section(0x75, "text"))
    with pytest.raises(DecodeError):
        decode_header(section(0x70, [1]))
    with pytest.raises(DecodeError):
        decode_annotations(section(0x72, []))


@pytest.mark.parametrize("size", [3, 300])
def test_a_plain_message_is_identified_without_being_split(size: int) -> None:
    payload = encode_bare(BareMessage(Properties(message_id="a", group_id="s"), data=[b"x" * size]))

    assert identity_of_plain(payload) == decode_identity(split(payload).bare) == ("a", "s")


@pytest.mark.parametrize(
    "message",
    [
        BareMessage(data=[b"no properties"]),
        BareMessage(Properties(group_id="no message-id"), data=[b"x"]),
        BareMessage(Properties(message_id=uuid.UUID(int=7)), data=[b"an unusual message-id"]),
        BareMessage(Properties(message_id="a"), {"more": "properties"}, data=[b"x"]),
        BareMessage(Properties(message_id="a"), data=[b"two", b"sections"]),
        BareMessage(Properties(message_id="a"), data=[b"x"], footer={"a": "footer"}),
        BareMessage(Properties(message_id="a"), value="another body", has_value=True),
        BareMessage(Properties(message_id="a")),
    ],
)
def test_what_is_not_plain_is_left_to_be_split(message: BareMessage) -> None:
    assert identity_of_plain(encode_bare(message)) is None


def test_a_plain_message_that_is_cut_off_is_none() -> None:
    payload = encode_bare(BareMessage(Properties(message_id="a"), data=[b"x"]))

    with pytest.raises(DecodeError):
        identity_of_plain(payload[:-1])
