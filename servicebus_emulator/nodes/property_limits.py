"""What a namespace allows of the properties of messages: the broker does not read them.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas#messaging-quotas.
It names no errors. That of a property is what the service was seen to answer
(https://github.com/Azure/azure-sdk-for-net/issues/15325); that of an identifier is our reading of
the ArgumentException that clients are told of.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp.codec import encode
from servicebus_emulator.amqp.message import decode_application_properties, decode_properties
from servicebus_emulator.amqp.sections import body_size
from servicebus_emulator.broker.errors import ArgumentError, PropertiesTooLarge
from servicebus_emulator.nodes.message_mapping import PLAIN, Envelope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from servicebus_emulator.broker.limits import Limits
    from servicebus_emulator.broker.message import Message

_PARTITION_KEYS = {
    "x-opt-partition-key": "PartitionKey",
    "x-opt-via-partition-key": "TransactionPartitionKey",
}


def check_properties(messages: Iterable[Message], limits: Limits) -> None:
    """See that a namespace allows messages with such properties.

    Raises:
        ArgumentError: An identifier is too long.
        PropertiesTooLarge: One property is too large, or all together are.
        DecodeError: Properties are no map, or have impossible values.
    """
    longest, largest = limits.max_identifier_length, limits.max_property_size
    in_all = limits.max_properties_size
    if longest is None and largest is None and in_all is None:
        return
    for message in messages:  # most are so small that there is nothing to look for
        size = message.size
        if longest is not None and size > longest:
            _check_identifiers(message, longest)
        if largest is not None and size > largest:
            _check_each(message, largest)
        if in_all is not None and size > in_all:
            _check_all(message, in_all)


def _check_identifiers(message: Message, longest: int) -> None:
    for name, value in _identifiers(message):
        if isinstance(value, str) and len(value) > longest:
            raise ArgumentError(
                f"The {name} of a message has at most {longest} characters, and this one has "
                f"{len(value)}."
            )


def _identifiers(message: Message) -> Iterator[tuple[str, Any]]:
    yield "MessageId", message.message_id
    yield "SessionId", message.session_id
    yield "ReplyToSessionId", decode_properties(message.content).reply_to_group_id
    envelope = message.envelope if isinstance(message.envelope, Envelope) else PLAIN
    for annotation, name in _PARTITION_KEYS.items():
        yield name, envelope.annotations.get(annotation)


def _check_each(message: Message, largest: int) -> None:
    standard = asdict(decode_properties(message.content))
    for name, value in (standard | decode_application_properties(message.content)).items():
        size = _size(value)
        if size > largest:
            raise PropertiesTooLarge(f"the property '{name}'", size, largest)


def _check_all(message: Message, most: int) -> None:
    size = message.size - body_size(message.content)
    if size > most:
        raise PropertiesTooLarge("all properties", size, most)


def _size(value: Any) -> int:
    """Bytes of a value, without those that say of what type and length it is where it is long."""
    if isinstance(value, bytes):
        return len(value)
    return len(value.encode()) if isinstance(value, str) else len(encode(value))
