import contextlib
from datetime import UTC, datetime, timedelta
from math import inf
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicebus_emulator.amqp.codec import encode
from servicebus_emulator.amqp.types import Described, Int, Symbol, Timestamp, UInt
from servicebus_emulator.broker.access import AccessKey, Right
from servicebus_emulator.broker.entities import (
    EntityDescription,
    EntityStatus,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from servicebus_emulator.broker.facts import REMOVED
from servicebus_emulator.broker.message import Lock, Message, MessageState
from servicebus_emulator.broker.rules import (
    BooleanFilter,
    CorrelationFilter,
    Rule,
    SqlAction,
    SqlFilter,
)
from servicebus_emulator.nodes.message_mapping import PLAIN, Envelope
from servicebus_emulator.nodes.records import (
    InvalidRecordError,
    read_description,
    read_message,
    read_rules,
    write_description,
    write_message,
    write_rules,
)

FULL = Message(
    message_id="ü",
    content=b"\x00bytes",
    size=99,
    session_id="s",
    time_to_live=12.5,
    scheduled_enqueue_time=1000.25,
    envelope=Envelope(
        *(True, 9, 1, {Symbol("x-opt-a"): UInt(1), Symbol("t"): Timestamp(5)}), {Symbol("d"): 1}
    ),
    sequence_number=8,
    origin_sequence_number=3,
    enqueued_at=1.5,
    expires_at=2.5,
    hops=2,
    state=MessageState.DEFERRED,
    delivery_count=4,
    dead_letter_reason="r",
    dead_letter_description="d",
    dead_letter_source="q",
    properties_to_modify={"a": Int(1), "b": REMOVED, "c": datetime(2026, 1, 2, tzinfo=UTC)},
    system_changes={"To": "x", "ReplyTo": REMOVED},
)


def fields(message: Message) -> dict[str, object]:
    return {name: getattr(message, name) for name in Message.__slots__}


def test_a_message_keeps_everything_with_its_types() -> None:
    read = read_message(write_message(FULL), 8)

    assert fields(read) == fields(FULL)
    assert isinstance(read.properties_to_modify["a"], Int)
    assert read.envelope is not None


def test_a_lock_is_not_written() -> None:
    message = Message("m", b"", 1, sequence_number=1, lock=Lock(UUID(int=1), 5.0))

    assert read_message(write_message(message), 1).lock is None


def test_a_message_that_has_nothing_special_costs_no_extra_bytes() -> None:
    record = write_message(Message("m", b"content", 1, envelope=PLAIN))

    assert record.more is None
    assert read_message(record, 1).envelope == PLAIN


@given(st.binary(max_size=60))
def test_rubbish_is_told_from_what_was_written(rubbish: bytes) -> None:
    record = write_message(FULL)._replace(more=rubbish)
    with contextlib.suppress(InvalidRecordError):
        read_message(record, 8)
    with contextlib.suppress(InvalidRecordError):
        read_rules(rubbish)


@pytest.mark.parametrize(
    "more", [["t", 0, 0, 0, "r", "d", "s", {}, 0], [None] * 7 + [1, None], [1], {}, 0]
)
def test_what_does_not_belong_to_a_message_is_told(more: object) -> None:
    with pytest.raises(InvalidRecordError, match="message 8"):
        read_message(write_message(FULL)._replace(more=encode(more)), 8)


def test_a_state_that_there_is_not_is_told_with_the_number_of_the_message() -> None:
    with pytest.raises(InvalidRecordError, match="message 7"):
        read_message(write_message(FULL)._replace(state=9), 7)


RULES = [
    Rule("true"),
    Rule("false", BooleanFilter(value=False), created_at=3.5),
    Rule("sql", SqlFilter("a > @b", {"@b": 2.5}), SqlAction("SET c = @d", {"@d": "e"})),
    Rule(
        "correlation",
        CorrelationFilter({"Subject": "x"}, {"n": UInt(1), "age": timedelta(minutes=5)}),
    ),
]


def test_rules_keep_their_filters_actions_and_the_types_of_values() -> None:
    assert read_rules(write_rules(RULES)) == RULES


@pytest.mark.parametrize(
    "wrong",
    [
        [["name", 0.0, ["magic"], None]],
        [["name", 0.0, ["boolean", True], []]],
        [["name", 0.0, ["sql", "a > 1", 0], None]],
        [["name", 0.0, ["sql", "a > 1", {"a": Described(Symbol("timedelta"), inf)}], None]],
        [["name", 0.0, ["sql", "a >", {}], None]],
        [["name"]],
        "rules",
    ],
)
def test_what_is_no_rule_is_told(wrong: object) -> None:
    with pytest.raises(InvalidRecordError):
        read_rules(encode(wrong))


@pytest.mark.parametrize(
    ("kind", "description"),
    [
        ("queue", QueueDescription(status=EntityStatus.DISABLED, forward_to="x")),
        ("topic", TopicDescription(user_metadata="ü")),
        ("queue", QueueDescription(authorization_rules=(AccessKey("n", "k", Right.SEND, "s"),))),
        ("subscription", SubscriptionDescription(max_delivery_count=3)),
    ],
)
def test_descriptions_are_read_as_they_were_written(
    kind: str, description: EntityDescription
) -> None:
    assert read_description(kind, write_description(description)) == description


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("queue", "{"),
        ("queue", "{}"),
        ("queue", '{"status": "Active", "new": 1}'),
        ("queue", '{"status": "Active", "authorization_rules": [[]]}'),
        ("tree", "{}"),
    ],
)
def test_what_is_no_description_is_told(kind: str, text: str) -> None:
    with pytest.raises(InvalidRecordError):
        read_description(kind, text)


def test_a_message_with_its_own_life_and_nothing_else_keeps_it() -> None:
    message = Message("m", b"", 1, sequence_number=1, time_to_live=5.0)
    message.envelope = PLAIN
    read = read_message(write_message(message), 1)

    assert (read.time_to_live, read.envelope) == (5.0, PLAIN)
