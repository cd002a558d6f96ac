"""Celery's messages as Service Bus messages, in two shapes.

**Native**: the body is the Celery body itself, as data; Celery's headers are application
properties; message-id is the task's id, subject its name. What AMQP cannot carry as a property
(lists, maps, null, numbers beyond 64 bits) is one property of JSON, `celery-json`, which also holds
what only kombu knows (`exchange`, `routing_key` and such).

**kombu**: the body is the JSON object that kombu's own transport writes, with the Celery body in
base64 inside; so that workers with either transport understand each other during a change.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kombu.utils.json import dumps

from celery_azure.amqp.codec import is_representable
from celery_azure.amqp.messages import FIRST_COPY, Message
from celery_azure.bodies import read_json, read_payload
from celery_azure.serializer import loads
from celery_azure.subscriptions import ROUTING_KEY

if TYPE_CHECKING:
    from celery_azure.amqp.messages import Received

MAX_MESSAGE_BYTES = 262_144
"""The largest message of the Basic and Standard tiers, properties included."""

ENVELOPE_BYTES = 6_144
"""Room for everything but the payload: Celery's headers and properties, and AMQP's sections."""

MAX_BODY_BYTES = MAX_MESSAGE_BYTES - ENVELOPE_BYTES
"""The longest serialized task body that fits."""

NATIVE, KOMBU = "native", "kombu"
EXTRA = "celery-json"
"""The application property of JSON that marks a native message."""

_JSON_TYPES = ("json", "application/json", "application/vnd.celery.plain+json")
_CONTENT = ("content-type", "content-encoding")
_TASK_PARTS = 3
_KEPT = ("body_encoding", "message_id", "type", "timestamp", "user_id", "app_id", "cluster_id")
"""Properties of kombu's that Service Bus has nowhere, or changes."""

_NONE = type(None)
_NAMES = frozenset({str})
_TEXT = frozenset({str, _NONE})
_NUMBER = frozenset({int, float, _NONE})
_HEADERS = {
    "task": frozenset({str}),
    "id": frozenset({str, int}),
    "eta": _TEXT,
    "expires": _TEXT,
    "timelimit": frozenset({list, _NONE}),
    "stamps": frozenset({dict, _NONE}),
    "stamped_headers": frozenset({list, _NONE}),
}
"""What a worker reads of a task before it runs, and as what: anything else is an error there."""

_USUAL_PRIORITY = 4
"""That of a message which was given none, as brokers like to tell (AMQP 1.0, 3.2.1)."""


class NotAnEnvelopeError(ValueError):
    """The message was not written by Celery, or is broken."""


def encode(
    message: dict[str, Any], exchange: str, routing_key: str, *, now: float, shape: str = NATIVE
) -> Message:
    """Write kombu's message.

    Args:
        message: As `prepare_message` makes it: body, headers, properties, content type.
        exchange: Where it was published to.
        routing_key: What it was published with.
        now: The time, in seconds since 1970.
        shape: `native` or `kombu`.
    """
    headers, properties = message["headers"], message["properties"]
    eta = _moment(headers.get("eta"))
    scheduled = eta if eta is not None and eta > now else None
    ttl = _ttl(headers.get("expires"), properties.get("expiration"), max(now, scheduled or now))
    outgoing = encode_kombu(message) if shape == KOMBU else _native(message, exchange, routing_key)
    outgoing.message_id = _message_id(headers, properties)
    outgoing.subject = headers.get("task")
    outgoing.correlation_id = properties.get("correlation_id")
    outgoing.reply_to = properties.get("reply_to")
    outgoing.ttl = ttl
    outgoing.scheduled = None if scheduled is None else round(scheduled * 1000)
    return outgoing


def _message_id(headers: dict[str, Any], properties: dict[str, Any]) -> Any:
    """The task's id; of a retry another one: a queue may drop what has the id of the first.

    What is no task may have been given one.
    """
    task_id, retries = headers.get("id"), headers.get("retries")
    if task_id and retries:
        return f"{task_id}:{retries}"
    return task_id or properties.get("message_id") or properties.get("correlation_id")


def encode_kombu(message: dict[str, Any]) -> Message:
    """Write the shape of kombu's own transport."""
    return Message(dumps(message).encode(), content_type="application/json")


def split_headers(headers: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part the headers that are application properties from those that are not."""
    plain: dict[str, Any] = {}
    other: dict[str, Any] = {}
    for name, value in headers.items():
        if type(name) is str and is_representable(value) and name != EXTRA:
            plain[name] = value
        else:
            other[name] = value
    return plain, other


def extra_json(headers: dict[str, Any], properties: dict[str, Any]) -> str:
    """The JSON property: headers that AMQP cannot carry, and kombu's properties."""
    extra: dict[str, Any] = {"properties": properties}
    if headers:
        extra["headers"] = headers
    return json.dumps(extra, separators=(",", ":"), default=str)


def _native(message: dict[str, Any], exchange: str, routing_key: str) -> Message:
    body = message["body"]
    plain, other = split_headers(message["headers"])
    kept = {"exchange": exchange, "routing_key": routing_key}
    properties = message["properties"]
    priority = properties.get("priority") or 0
    for name in _KEPT:
        if properties.get(name):
            kept[name] = properties[name]
    plain[EXTRA] = extra_json(other, kept)
    return Message(
        body.encode() if isinstance(body, str) else bytes(body or b""),
        content_type=message.get("content-type"),
        content_encoding=message.get("content-encoding"),
        properties=plain,
        priority=min(max(int(priority), 0), 255),
    )


# -- reading -------------------------------------------------------------------------------------


def decode(received: Received, now: float) -> dict[str, Any]:
    """Read kombu's message from either shape.

    Raises:
        NotAnEnvelopeError: Celery did not write it, or it is broken.
    """
    properties = received.properties
    if EXTRA in properties or ("task" in properties and "id" in properties):
        message = _from_native(received)
    else:
        message = _from_kombu(received.body)
    headers = message["headers"]
    if "task" in headers:
        _check_headers(headers)
    eta = headers.get("eta")
    if eta is not None:
        headers["eta"] = _not_later(eta, now)
    _check_body(message)
    return message


def _from_native(received: Received) -> dict[str, Any]:
    headers = dict(received.properties)
    headers.pop(ROUTING_KEY, None)  # the same stands in what follows
    headers.pop(FIRST_COPY, None)  # a task that is sent on is another message
    extra = _extra(headers.pop(EXTRA, "{}"))
    kept, other = extra.get("properties") or {}, extra.get("headers") or {}
    if not isinstance(kept, dict) or not isinstance(other, dict):
        raise NotAnEnvelopeError(f"the property {EXTRA} has no headers and properties in it")
    headers.update(other)
    routing_key = str(kept.get("routing_key", ""))
    exchange = str(kept.get("exchange", ""))
    priority = received.header[1] if len(received.header) > 1 else None
    if priority == _USUAL_PRIORITY:
        priority = None
    _, _, _, _, reply_to, correlation_id, kind, encoding = (*received.system, *[None] * 8)[:8]
    properties = {
        **{name: value for name, value in kept.items() if name in _KEPT},
        "correlation_id": correlation_id,
        "reply_to": reply_to,
        "delivery_mode": 2,
        "delivery_info": {"exchange": exchange, "routing_key": routing_key},
        "priority": priority or 0,
        "body_encoding": kept.get("body_encoding"),
    }
    return {
        "body": received.body,
        "content-type": kind or "application/json",
        "content-encoding": encoding or "utf-8",
        "headers": headers,
        "properties": properties,
    }


def _extra(text: Any) -> dict[str, Any]:
    try:
        extra = loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise NotAnEnvelopeError(f"the property {EXTRA} is not JSON") from error
    if not isinstance(extra, dict):
        raise NotAnEnvelopeError(f"the property {EXTRA} is not a JSON object")
    return extra


def _from_kombu(body: bytes) -> dict[str, Any]:
    try:
        message = read_json(body)
    except Exception as error:  # whatever kombu's readers of types raise
        raise NotAnEnvelopeError(
            "it has no Celery properties, and its body is not a JSON object as kombu writes it"
        ) from error
    if (
        not isinstance(message, dict)
        or not isinstance(message.get("body"), str)
        or not isinstance(message.get("headers"), dict)
        or not isinstance(message.get("properties"), dict)
        or not isinstance(message["properties"].get("delivery_info"), dict)
    ):
        raise NotAnEnvelopeError("the body has no Celery headers and properties")
    if not {type(message.get(name)) for name in _CONTENT} <= _TEXT:
        raise NotAnEnvelopeError("its content type and encoding are no text")
    return message


def _check_headers(headers: dict[str, Any]) -> None:
    """See that a worker can take the task: what Celery does not expect would end the worker."""
    for name, kinds in _HEADERS.items():
        value = headers.get(name)
        if type(value) not in kinds or value == "":
            raise NotAnEnvelopeError(f"its header {name} is nothing that Celery can read")
    limits = headers.get("timelimit")
    if limits and (len(limits) != 2 or not _NUMBER.issuperset(map(type, limits))):  # noqa: PLR2004
        raise NotAnEnvelopeError("its header timelimit is not two numbers or nulls")
    if not _NAMES.issuperset(map(type, headers.get("stamped_headers") or ())):
        raise NotAnEnvelopeError("its header stamped_headers is not a list of names")


def _check_body(message: dict[str, Any]) -> None:
    """See that a worker can read the body: Celery would acknowledge what it cannot."""
    headers, body = message["headers"], message["body"]
    encoding = message["properties"].get("body_encoding")
    if encoding and encoding != "base64":
        raise NotAnEnvelopeError("its body is in an encoding that kombu does not know")
    try:
        if encoding:
            body = base64.b64decode(body)
    except ValueError as error:
        raise NotAnEnvelopeError("its body is not base64, as it says") from error
    if message.get("content-type") not in _JSON_TYPES or headers.get("compression"):
        return
    try:
        value = read_payload(message, body.encode() if isinstance(body, str) else body)
    except Exception as error:  # whatever kombu's readers raise
        raise NotAnEnvelopeError("its body is not JSON, as its content type says") from error
    if "task" not in headers:
        return
    if (
        not isinstance(value, list)
        or len(value) != _TASK_PARTS
        or not isinstance(value[0], list)
        or not isinstance(value[1], dict)
    ):
        raise NotAnEnvelopeError("its body is not arguments, keywords and options of a task")


# -- time ----------------------------------------------------------------------------------------


def _moment(text: Any) -> float | None:
    """Celery's ISO time as seconds since 1970; None when there is none."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.timestamp()


def _ttl(expires: Any, expiration: Any, start: float) -> int | None:
    """Milliseconds to live: until Celery's `expires`, or for AMQP's `expiration`."""
    until = _moment(expires)
    if until is not None:
        return max(1, round((until - start) * 1000))
    try:
        return None if expiration is None else max(1, int(expiration))
    except (TypeError, ValueError):
        return None


def _not_later(eta: Any, now: float) -> Any:
    """The broker has kept the message until its time: the worker must not keep it again."""
    moment = _moment(eta)
    if moment is None or moment <= now:
        return eta
    return datetime.fromtimestamp(now, UTC).isoformat()
