"""A Celery message as the body of a Service Bus message: kombu's own envelope, a JSON object."""

from __future__ import annotations

from typing import Any

from kombu.utils.json import dumps, loads

MAX_MESSAGE_BYTES = 262_144
"""The largest message of the Basic and Standard tiers, properties included."""

ENVELOPE_BYTES = 6_144
"""Room for everything but the payload: kombu's headers and properties, and AMQP's sections."""

MAX_BODY_BYTES = (MAX_MESSAGE_BYTES - ENVELOPE_BYTES) * 3 // 4
"""The longest serialized task body that fits: kombu writes it in base64."""


class NotAnEnvelopeError(ValueError):
    """The message was not written by Celery."""


def encode(message: dict[str, Any]) -> str:
    """Write kombu's message as the body of a Service Bus message."""
    text: str = dumps(message)
    return text


def decode(body: bytes) -> dict[str, Any]:
    """Read kombu's message.

    Raises:
        NotAnEnvelopeError: The body is none.
    """
    try:
        message = loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise NotAnEnvelopeError("the body is not a JSON object as kombu writes it") from error
    if (
        not isinstance(message, dict)
        or not isinstance(message.get("body"), str)
        or not isinstance(message.get("headers"), dict)
        or not isinstance(message.get("properties"), dict)
        or not isinstance(message["properties"].get("delivery_info"), dict)
    ):
        raise NotAnEnvelopeError("the body has no Celery headers and properties")
    return message
