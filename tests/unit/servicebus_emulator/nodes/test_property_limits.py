import uuid
from typing import Any

import pytest

from servicebus_emulator.amqp.codec import encode
from servicebus_emulator.amqp.message import BareMessage, Properties, encode_bare, join
from servicebus_emulator.amqp.outcomes import Accepted, Rejected
from servicebus_emulator.amqp.types import Described, Symbol, ULong
from servicebus_emulator.broker.errors import ArgumentError, PropertiesTooLarge
from servicebus_emulator.broker.limits import PROFILES, Limits
from servicebus_emulator.broker.message import Message
from servicebus_emulator.nodes.message_mapping import to_broker
from servicebus_emulator.nodes.property_limits import check_properties
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World
from tests.unit.servicebus_emulator.nodes.requests import Asker

KB = 1024
STANDARD = PROFILES["standard"]


def encoded(
    *,
    annotations: dict[Any, Any] | None = None,
    sent: dict[Any, Any] | None = None,
    data: bytes = b"body",
    **properties: Any,
) -> bytes:
    bare = BareMessage(Properties(**properties), sent or {}, data=[data])
    return join(None, None, annotations, encode_bare(bare))


def a_message(**parts: Any) -> Message:
    return to_broker(encoded(**parts), lambda: uuid.UUID(int=1))


IDENTIFIERS: dict[str, dict[str, Any]] = {
    "MessageId": {"message_id": "x" * 129},
    "SessionId": {"group_id": "x" * 129},
    "ReplyToSessionId": {"reply_to_group_id": "x" * 129},
    "PartitionKey": {"annotations": {Symbol("x-opt-partition-key"): "x" * 129}},
    "TransactionPartitionKey": {"annotations": {Symbol("x-opt-via-partition-key"): "x" * 129}},
}


@pytest.mark.parametrize(("name", "parts"), IDENTIFIERS.items(), ids=IDENTIFIERS)
def test_an_identifier_of_129_characters_is_refused(name: str, parts: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError, match=f"The {name} .* 128 .* 129"):
        check_properties([a_message(), a_message(**parts)], STANDARD)


def test_128_characters_are_not_too_many_whatever_their_bytes() -> None:
    most = "\N{GRINNING FACE}" * 128
    keys = {Symbol("x-opt-partition-key"): most, Symbol("x-opt-via-partition-key"): None}

    check_properties(
        [a_message(message_id=most, group_id=most, reply_to_group_id=most, annotations=keys)],
        STANDARD,
    )


def test_an_identifier_that_is_no_text_is_never_too_long() -> None:
    check_properties([a_message(message_id=uuid.UUID(int=2), data=bytes(200))], STANDARD)


def test_a_message_around_which_the_client_wrote_nothing_has_no_partition_key() -> None:
    check_properties([Message("m", encoded(message_id="m"), 200)], STANDARD)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("'big'", {"sent": {"small": 1, "big": "x" * (32 * KB + 1)}}),
        ("'big'", {"sent": {"big": "ä" * (16 * KB) + "x"}}),
        ("'big'", {"sent": {"big": bytes(32 * KB + 1)}}),
        ("'big'", {"sent": {"big": ["x" * (32 * KB)]}}),
        ("'subject'", {"subject": "x" * (32 * KB + 1)}),
    ],
)
def test_one_property_beyond_32_kilobytes_is_refused(name: str, parts: dict[str, Any]) -> None:
    with pytest.raises(PropertiesTooLarge, match=f"{name} .* 32768 bytes"):
        check_properties([a_message(**parts)], STANDARD)


def test_properties_of_32_kilobytes_beside_a_large_body_are_taken() -> None:
    sent = {"a": "x" * (32 * KB)}
    check_properties(
        [a_message(sent=sent, subject="x" * (30 * KB), data=bytes(150 * KB))], STANDARD
    )


@pytest.mark.parametrize(
    "parts",
    [
        {"sent": dict.fromkeys("abc", "x" * (22 * KB))},
        {"sent": {"a": "x" * (32 * KB)}, "subject": "x" * (32 * KB)},
        {"sent": {"a": "x" * (32 * KB)}, "annotations": {Symbol("x-opt-own"): "x" * (32 * KB)}},
    ],
)
def test_properties_beyond_64_kilobytes_in_all_are_refused(parts: dict[str, Any]) -> None:
    with pytest.raises(PropertiesTooLarge, match=r"all properties .* 65536 bytes"):
        check_properties([a_message(**parts)], STANDARD)


@pytest.mark.parametrize("limits", [Limits(), PROFILES["unlimited"]])
def test_without_limits_everything_is_taken(limits: Limits) -> None:
    check_properties([a_message(message_id="x" * 1000, sent={"a": "x" * (100 * KB)})], limits)


@pytest.mark.parametrize(
    "field", ["max_identifier_length", "max_property_size", "max_properties_size"]
)
def test_each_limit_stands_alone(field: str) -> None:
    fields: dict[str, Any] = {field: 10}
    with pytest.raises((ArgumentError, PropertiesTooLarge)):
        check_properties([a_message(message_id="x" * 20)], Limits(**fields))


def condition(answer: object) -> str | None:
    if isinstance(answer, Accepted):
        return None
    assert isinstance(answer, Rejected)
    assert answer.error is not None
    return answer.error.condition


def test_a_sender_is_told_and_of_a_batch_nothing_is_taken() -> None:
    world = World(limits=STANDARD)
    client = Client(world)
    link = client.sender()
    fine, too_long = encoded(message_id="fine"), encoded(message_id="x" * 129)
    too_large = encoded(message_id="m", sent={"a": "x" * (33 * KB)})
    batch = encode_bare(BareMessage(data=[fine, too_long]))
    client.send(link, too_long)
    client.send(link, too_large)
    client.send(link, batch, message_format=0x8001_3700)
    before = world.queue().counts(world.now).active
    client.send(link, fine)

    assert [condition(outcome) for outcome in client.outcomes()] == [
        "com.microsoft:argument-error",
        "amqp:internal-error",
        "com.microsoft:argument-error",
        None,
    ]
    assert (before, world.queue().counts(world.now).active) == (0, 1)


def test_nothing_with_too_large_properties_is_scheduled() -> None:
    world = World(limits=STANDARD)
    asker = Asker(Client(world), "orders/$management")
    message = encoded(message_id="m", sent={"a": "x" * (33 * KB)})
    answer = asker.ask(
        {"messages": [{"message-id": "m", "message": message}]},
        operation="com.microsoft:schedule-message",
    )

    assert answer.application_properties["statusCode"] == 500
    assert answer.application_properties["errorCondition"] == "amqp:internal-error"
    assert world.queue().counts(world.now).scheduled == 0


def test_properties_that_cannot_be_read_are_a_decode_error() -> None:
    world = World(limits=STANDARD)
    client = Client(world)
    no_map = encode_bare(BareMessage(data=[bytes(33 * KB)]))
    client.send(client.sender(), encode(Described(ULong(0x74), ["no map"])) + no_map)

    assert [condition(outcome) for outcome in client.outcomes()] == ["amqp:decode-error"]
