from __future__ import annotations

import pytest
from azure.servicebus._pyamqp._decode import decode_payload

from celery_azure.amqp.codec import CodecError, encode
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


def test_a_message_lives_at_most_as_long_as_the_field_can_say() -> None:
    assert Received(Message(ttl=2**40).to_bytes()).header[2] == 2**32 - 1
