import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from servicebus_emulator.amqp.codec import decode_at
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.message import (
    BareMessage,
    Header,
    Properties,
    decode_annotations,
    decode_bare,
    decode_header,
    encode_bare,
    join,
)
from servicebus_emulator.amqp.sections import split
from servicebus_emulator.amqp.types import Described, Int, Symbol, Timestamp, ULong
from servicebus_emulator.broker.facts import REMOVED, FilterError
from servicebus_emulator.broker.message import Lock, Message, MessageState
from servicebus_emulator.nodes.message_mapping import batch_to_broker, to_broker, to_wire

ID = uuid.UUID(int=7)


def new_id() -> uuid.UUID:
    return ID


def payload(
    properties: Properties | None = None,
    header: Header | None = None,
    annotations: dict[Any, Any] | None = None,
    **application_properties: Any,
) -> bytes:
    bare = BareMessage(properties, application_properties, data=[b"body"])
    return join(header, None, annotations, encode_bare(bare))


def received(message: Message) -> dict[Any, Any]:
    return decode_annotations(split(to_wire(message)).message_annotations)


def test_what_the_broker_needs_is_taken_from_the_sections() -> None:
    encoded = payload(
        Properties(message_id="id", group_id="session"),
        Header(ttl=1500),
        {Symbol("x-opt-scheduled-enqueue-time"): Timestamp(2_000_500)},
    )
    message = to_broker(encoded, new_id)

    assert (message.message_id, message.session_id) == ("id", "session")
    assert (message.time_to_live, message.scheduled_enqueue_time) == (1.5, 2000.5)
    assert message.size == len(encoded)


def test_a_plain_message_lives_and_comes_as_the_queue_says() -> None:
    message = to_broker(payload(Properties(message_id="id")), new_id)

    assert (message.time_to_live, message.scheduled_enqueue_time) == (None, None)


def test_the_bare_message_goes_out_as_the_bytes_that_came() -> None:
    encoded = payload(Properties(message_id=ULong(5), subject="s"), Header(durable=True), n=Int(1))
    message = to_broker(encoded, new_id)

    assert split(to_wire(message)).bare == split(encoded).bare


def test_the_header_goes_out_as_it_came_with_the_delivery_count() -> None:
    header = Header(durable=True, priority=7, ttl=9000)
    message = to_broker(payload(header=header), new_id)
    message.delivery_count = 3

    assert decode_header(split(to_wire(message)).header) == Header(
        durable=True, priority=7, ttl=9000, delivery_count=3
    )


def test_the_brokers_view_goes_out_as_annotations() -> None:
    message = to_broker(payload(), new_id)
    message.sequence_number, message.enqueued_at = 5, 1000.25
    message.state = MessageState.DEFERRED
    message.lock = Lock(ID, 1030.5)
    annotations = received(message)

    assert annotations == {
        "x-opt-enqueued-time": 1_000_250,
        "x-opt-sequence-number": 5,
        "x-opt-locked-until": 1_030_500,
        "x-opt-message-state": 1,
    }
    assert type(annotations["x-opt-enqueued-time"]) is Timestamp
    assert type(annotations["x-opt-sequence-number"]) is int
    assert type(annotations["x-opt-message-state"]) is Int


def test_what_goes_without_saying_is_left_out() -> None:
    """As the live tests of the SDKs for Python and for Go want it."""
    message = to_broker(payload(header=Header(ttl=9000)), new_id)
    message.sequence_number, message.enqueued_at = 5, 1000.25
    sections = split(to_wire(message))

    assert received(message) == {"x-opt-enqueued-time": 1_000_250, "x-opt-sequence-number": 5}
    assert decode_at(sections.header, 3)[0] == [None, None, 9000, None, 0]


def test_a_peeked_message_keeps_its_lock_secret() -> None:
    message = to_broker(payload(), new_id)
    message.lock = Lock(ID, 1030.5)
    sections = split(to_wire(message, peeked=True))

    assert "x-opt-locked-until" not in decode_annotations(sections.message_annotations)
    assert decode_annotations(sections.delivery_annotations) == {}


def test_delivery_annotations_of_the_sender_reach_the_receiver() -> None:
    sent = join(None, {Symbol("mine"): 1}, None, encode_bare(BareMessage(data=[b"body"])))
    message = to_broker(sent, new_id)
    sections = split(to_wire(message))

    assert decode_annotations(sections.delivery_annotations) == {"mine": 1}


def test_a_receiver_is_told_the_token_of_its_lock() -> None:
    message = to_broker(payload(), new_id)
    message.lock = Lock(ID, 1030.5)
    sections = split(to_wire(message))

    assert decode_annotations(sections.delivery_annotations) == {"x-opt-lock-token": ID}


@pytest.mark.parametrize("state", MessageState)
@pytest.mark.parametrize("origin", [0, 3])
@pytest.mark.parametrize("lock", [None, Lock(ID, 1030.5)])
def test_annotations_written_in_one_step_are_those_written_one_by_one(
    lock: Lock | None, origin: int, state: MessageState
) -> None:
    """The second message has an annotation of its sender's, so that all are written one by one."""
    described = []
    for annotations in ({}, {Symbol("mine"): 1}):
        message = to_broker(payload(annotations=annotations), new_id)
        message.sequence_number, message.origin_sequence_number = 2**40, origin
        message.enqueued_at, message.lock = 1000.25, lock
        message.state = state
        sections = split(to_wire(message))
        found = decode_annotations(sections.message_annotations)
        found.pop("mine", None)
        types = {key: type(value) for key, value in found.items()}
        described.append((found, types, sections.delivery_annotations, sections.header))

    assert described[0] == described[1]


def test_annotations_of_the_client_are_kept_but_not_those_of_a_former_life() -> None:
    message = to_broker(
        payload(
            annotations={
                Symbol("x-opt-partition-key"): "p",
                Symbol("x-opt-sequence-number"): 99,
                Symbol("x-opt-locked-until"): Timestamp(1),
                Symbol("x-opt-deadletter-source"): "elsewhere",
            }
        ),
        new_id,
    )
    annotations = received(message)

    assert annotations["x-opt-partition-key"] == "p"
    assert annotations["x-opt-sequence-number"] == message.sequence_number
    assert "x-opt-locked-until" not in annotations
    assert "x-opt-deadletter-source" not in annotations


@pytest.mark.parametrize("properties", [None, Properties(subject="s")])
def test_a_message_without_an_identity_is_given_one(properties: Properties | None) -> None:
    message = to_broker(payload(properties, a=1), new_id)
    decoded = decode_bare(split(to_wire(message)).bare)

    assert decoded.properties is not None
    assert message.message_id == decoded.properties.message_id == ID.hex
    assert decoded.properties.subject == (properties.subject if properties else None)
    assert (decoded.application_properties, decoded.data) == ({"a": 1}, [b"body"])


def test_a_dead_letter_tells_its_reason_as_application_properties() -> None:
    message = to_broker(payload(kept=Int(1)), new_id)
    message.dead_letter_reason, message.dead_letter_description = "broken", "no wheels"
    decoded = decode_bare(split(to_wire(message)).bare)

    assert decoded.application_properties == {
        "kept": 1,
        "DeadLetterReason": "broken",
        "DeadLetterErrorDescription": "no wheels",
    }
    assert type(decoded.application_properties["kept"]) is Int


def test_properties_that_a_settlement_changed_go_out_changed() -> None:
    message = to_broker(payload(old=1, same=2), new_id)
    message.modify({"old": 3, "new": 4})

    assert decode_bare(split(to_wire(message)).bare).application_properties == {
        "old": 3,
        "same": 2,
        "new": 4,
    }


def test_a_batch_becomes_its_messages() -> None:
    parts = [payload(Properties(message_id=str(number))) for number in range(3)]
    batch = encode_bare(BareMessage(data=parts))

    assert [message.message_id for message in batch_to_broker(batch, new_id)] == ["0", "1", "2"]


@pytest.mark.parametrize("rubbish", [b"\xff", b"\x00\x53\x73", b"\x00\x53\x70\xc0\xff"])
def test_rubbish_is_no_message(rubbish: bytes) -> None:
    with pytest.raises(DecodeError):
        to_broker(rubbish, new_id)


def test_rules_see_the_properties_that_the_sender_and_the_broker_gave() -> None:
    annotations = {
        Symbol("x-opt-partition-key"): "key",
        Symbol("x-opt-scheduled-enqueue-time"): Timestamp(2**62),  # beyond every calendar
    }
    properties = Properties(ULong(7), subject="s", correlation_id=ID, group_id="g", to="t")
    when, text = Timestamp(1_500), Symbol("b")
    message = to_broker(payload(properties, None, annotations, when=when, text=text), new_id)
    message.properties_to_modify = {"text": REMOVED, "nothing": None}
    message.system_changes = {"To": REMOVED, "ReplyTo": "r"}
    message.sequence_number, message.enqueued_at, message.expires_at = 5, 1.0, 2.0
    facts = message.facts(new_id)

    assert facts.user_properties == {"when": moment(1.5), "nothing": None}
    assert facts.system_properties == {
        "CorrelationId": str(ID),
        "DeliveryCount": 0,
        "EnqueuedSequenceNumber": 5,
        "EnqueuedTimeUtc": moment(1.0),
        "ExpiresAtUtc": moment(2.0),
        "MessageId": "7",
        "PartitionKey": "key",
        "ReplyTo": "r",
        "SequenceNumber": 5,
        "SessionId": "g",
        "Size": message.size,
        "Subject": "s",
    }


def test_a_message_that_cannot_be_read_fails_its_rules() -> None:
    message = to_broker(payload(Properties("id")), new_id)
    message.content = encode_bare(BareMessage(Properties("id"))) + b"\x00\x53\x74\x40"

    with pytest.raises(FilterError, match="malformed"):
        message.facts(new_id)


def test_what_rules_have_changed_goes_out_changed() -> None:
    message = to_broker(payload(Properties("id", to="t"), gone=1, kept=2), new_id)
    message.properties_to_modify = {"gone": REMOVED, "new": None}
    message.system_changes = {"To": REMOVED, "Subject": "s"}
    decoded = decode_bare(split(to_wire(message)).bare)

    assert decoded.application_properties == {"kept": 2, "new": None}
    assert decoded.properties == Properties("id", subject="s")


def test_times_that_a_rule_has_set_go_out_as_times() -> None:
    message = to_broker(payload(Properties("id")), new_id)
    message.properties_to_modify = {"when": moment(1.5), "lasts": timedelta(seconds=2)}
    decoded = decode_bare(split(to_wire(message)).bare)

    assert decoded.application_properties == {
        "when": Timestamp(1500),
        "lasts": Described("com.microsoft:timespan", 20_000_000),
    }
    assert type(decoded.application_properties["when"]) is Timestamp


def test_times_that_a_settlement_has_set_are_times_for_rules() -> None:
    message = to_broker(payload(Properties("id")), new_id)
    message.modify({"when": Timestamp(1500)})

    assert message.facts(new_id).user_properties == {"when": moment(1.5)}


def test_a_copy_tells_its_number_in_the_entity_that_it_was_sent_to() -> None:
    message = to_broker(payload(Properties("id")), new_id)
    message.sequence_number, message.origin_sequence_number = 3, 9

    assert received(message)["x-opt-enqueue-sequence-number"] == 9


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
