"""What a message's payload is: the same as kombu's own reading of the same body."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import kombu
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kombu.serialization import loads
from kombu.transport import virtual
from kombu.utils.json import dumps

from celery_azure.amqp.messages import Message, Received
from celery_azure.bodies import Message as OurMessage
from celery_azure.envelope import EXTRA, NotAnEnvelopeError, decode
from celery_azure.serializer import CONTENT_TYPE as PLAIN_JSON
from celery_azure.serializer import register_plain_json

register_plain_json()
CHANNEL = kombu.Connection("memory://").channel()
JSON = "application/json"
KINDS = st.sampled_from([JSON, PLAIN_JSON, "json", "text/plain", "application/data", "other"])
ACCEPTED = st.none() | st.sets(KINDS)
KEYS = st.sampled_from(["__type__", "__value__", "a", "é"])
TYPED = st.sampled_from(
    [datetime(2027, 1, 15, tzinfo=UTC), date(2027, 1, 15), UUID(int=5), Decimal("1.5"), b"\xff"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | TYPED | st.sampled_from(["decimal", "uuid", "bytes"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
WRITTEN = st.builds(
    lambda value, ascii_, encoding: dumps(value, ensure_ascii=ascii_).encode(encoding, "replace"),
    VALUES,
    st.booleans(),
    st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"]),
)
BODIES = st.one_of(
    WRITTEN,
    WRITTEN.map(lambda body: body.replace(b"_", b"\\u005f")),
    WRITTEN.map(lambda body: b" " + body + b"\n"),
    st.binary(max_size=10),
)


def outcome(message: Any, accept: set[str] | None) -> str:
    """Its payload, or the kind of error there is instead."""
    message.accept = accept
    try:
        return repr(message.payload)
    except Exception as error:  # noqa: BLE001 - whatever kombu raises
        return type(error).__name__


def native(body: bytes, kind: str) -> bytes:
    return Message(body, content_type=kind, properties={EXTRA: "{}"}).to_bytes()


def in_kombus_shape(body: bytes, kind: str) -> bytes:
    properties = {"body_encoding": "base64", "delivery_info": {}}
    text = base64.b64encode(body).decode()
    message = {"body": text, "content-type": kind, "headers": {}, "properties": properties}
    return Message(json.dumps(message).encode()).to_bytes()


@example(b'{"\\u005f_type__": "decimal", "__value__": "1"}', JSON, {JSON}, native)
@example(b'{"__type__": "decimal", "__value__": "1"}', PLAIN_JSON, {PLAIN_JSON}, native)
@example(b"[NaN]", JSON, {JSON}, in_kombus_shape)
@given(BODIES, KINDS, ACCEPTED, st.sampled_from([native, in_kombus_shape]))
def test_a_payload_is_what_kombu_reads_or_the_message_is_refused(
    body: bytes, kind: str, accept: set[str] | None, write: Any
) -> None:
    received = Received(write(body, kind))
    try:
        raw, same = (decode(received, 0.0) for _ in range(2))
    except NotAnEnvelopeError:
        if body and kind != "json":
            with pytest.raises(kombu.exceptions.DecodeError):
                loads(body, kind, "utf-8", force=True)
        return
    for each in (raw, same):
        each["properties"]["delivery_tag"] = "1"
    ours, kombus = OurMessage(raw, channel=CHANNEL), virtual.Message(same, channel=CHANNEL)
    assert outcome(ours, accept) == outcome(kombus, accept)
