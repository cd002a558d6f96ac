from __future__ import annotations

from uuid import UUID

import pytest
from azure.servicebus._pyamqp._decode import decode_payload

from celery_azure.amqp.codec import CodecError, Described, Symbol, ULong, encode
from celery_azure.amqp.messages import Message, Received, encode_batch, read_annotations


def test_every_part_of_a_message_comes_back() -> None:
    payload = Message(
        b"body",
        message_id="id",
        subject="task",
        reply_to="here",
        correlation_id="cause",
        content_type="application/json",
        content_encoding="utf-8",
        properties={"retries": 3, "lang": "py"},
        ttl=1500,
        priority=4,
        scheduled=1_800_000_000_000,
    ).to_bytes()
    received = Received(payload)
    assert received.body == b"body"
    assert (received.message_id, received.correlation_id) == ("id", "cause")
    assert [received.system_property(place) for place in (3, 4, 6, 7)] == [
        *("task", "here", "application/json", "utf-8")
    ]
    assert received.properties == {"retries": 3, "lang": "py"}
    assert received.header == [True, 4, 1500]
    assert received.annotations == {"x-opt-scheduled-enqueue-time": 1_800_000_000_000}
    assert read_annotations(payload) == received.annotations


def test_the_sdk_reads_what_is_written() -> None:
    payload = Message(b"x" * 300, message_id="id", subject="s", properties={"a": 1}).to_bytes()
    message = decode_payload(memoryview(payload))
    assert message.data == [b"x" * 300]
    assert message.properties is not None
    assert message.properties.message_id == b"id"
    assert message.properties.subject == b"s"
    assert message.application_properties == {b"a": 1}


def test_a_batch_is_data_sections_of_whole_messages() -> None:
    messages = [Message(text).to_bytes() for text in (b"a", b"b" * 300)]
    batch = Received(encode_batch(messages))
    assert batch.data == messages


def test_a_plain_message_has_neither_header_nor_annotations() -> None:
    received = Received(Message(b"body").to_bytes())
    assert received.header == []
    assert received.delivery_count == 0
    assert received.message_id == ""
    assert read_annotations(Message(b"body").to_bytes()) == {}


@pytest.mark.parametrize(("value", "body"), [("text", b"text"), (b"raw", b"raw"), ([1], b"")])
def test_a_value_as_body_is_read_as_far_as_it_is_text(value: object, body: bytes) -> None:
    assert Received(Message(value=value).to_bytes()).body == body


@pytest.mark.parametrize("payload", [b"\xff", encode("no section"), b"\x00\x53"])
def test_what_is_no_message_is_refused(payload: bytes) -> None:
    with pytest.raises(CodecError):
        Received(payload)


def test_a_message_is_not_lost_earlier_than_it_may_be() -> None:
    assert Received(Message(ttl=2**32 - 1).to_bytes()).header[2] == 2**32 - 1
    assert Received(Message(ttl=2**32).to_bytes()).header[2:] == []  # the worker looks at `expires`


def section(descriptor: int | str, value: object) -> bytes:
    written = ULong(descriptor) if isinstance(descriptor, int) else Symbol(descriptor)
    return encode(Described(written, value))


def test_sections_may_be_named_by_symbols() -> None:
    received = Received(
        section("amqp:header:list", [True, 4])
        + section("amqp:message-annotations:map", {"x-opt-enqueued-time": 1})
        + section("amqp:application-properties:map", {"task": "t"})
        + section("amqp:data:binary", b"one ")
        + section("amqp:data:binary", b"two")
        + section("amqp:footer:map", {})
    )
    assert received.body == b"one two"
    assert received.properties == {"task": "t"}
    assert received.header == [True, 4]
    assert received.annotations == {"x-opt-enqueued-time": 1}


def test_sections_that_are_null_are_empty() -> None:
    received = Received(b"".join(section(code, None) for code in (0x70, 0x72, 0x73, 0x74)))
    assert (received.header, received.annotations) == ([], {})
    assert (received.system, received.properties) == ([], {})
    assert read_annotations(section(0x72, None)) == {}


@pytest.mark.parametrize(
    "payload",
    [
        section(0x75, "text") + section(0x75, 5),
        section(0x75, None),
        section(0x74, [1, 2]),
        section(0x74, {5: "five"}),
        section(0x72, "x"),
        section(0x73, {}),
        section(0x73, [None, None, None, 5]),
        section(0x73, [[1]]),
        section(0x70, [True, "high"]),
        section(0x70, [True, None, None, None, -1]),
        section(0x99, b"later"),
        section("amqp:nonsense:map", {}),
    ],
)
def test_sections_that_hold_something_else_are_refused(payload: bytes) -> None:
    with pytest.raises(CodecError):
        Received(payload)


@pytest.mark.parametrize(
    "payload",
    [
        section(0x72, [1]),
        section(0x72, "x"),
        section(0x99, {}),
        encode(Described(None, {})),
        encode(Described([], {})),
        encode("no section"),
        b"\x00",
    ],
)
def test_annotations_that_are_none_are_refused(payload: bytes) -> None:
    with pytest.raises(CodecError):
        read_annotations(payload)


@pytest.mark.parametrize(
    "message",
    [
        Message(subject="\ud800"),
        Message(content_type="caf\u00e9"),
        Message(message_id=2**64),
        Message(scheduled=2**63),
        Message(priority=256),
        Message(ttl=-1),
        Message(properties={"a": 2**63}),
        Message(value={"a": object()}),
    ],
    ids=lambda message: repr(message)[:60],
)
def test_a_message_that_cannot_be_written_is_refused(message: Message) -> None:
    with pytest.raises(CodecError):
        message.to_bytes()


LOCK_TOKEN = b"\x00\x53\x71" + encode({Symbol("x-opt-lock-token"): UUID(int=5)})


def test_what_is_said_to_others_about_the_delivery_is_passed_over() -> None:
    more = section(0x71, {Symbol("x-opt-lock-token"): UUID(int=5), Symbol("x-opt-more"): 1})
    for said in (LOCK_TOKEN, more):
        received = Received(said + Message(b"body", message_id="id").to_bytes())
        assert (received.body, received.message_id) == (b"body", "id")
        assert received.annotations == {}


def test_a_lock_token_that_ends_too_soon_is_refused() -> None:
    with pytest.raises(CodecError):
        Received(LOCK_TOKEN[:-1])
