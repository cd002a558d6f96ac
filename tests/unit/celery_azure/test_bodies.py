from __future__ import annotations

from typing import Any

import kombu
import pytest
from kombu.serialization import registry

from celery_azure.amqp.messages import Message as Outgoing
from celery_azure.amqp.messages import Received
from celery_azure.bodies import Message
from celery_azure.envelope import EXTRA, decode

JSON = "application/json"


def message(body: bytes = b'[1, {"a": null}]') -> Message:
    """A message that was received, and whose content type is accepted."""
    payload = Outgoing(body, content_type=JSON, properties={EXTRA: "{}"}).to_bytes()
    raw = decode(Received(payload), 0.0)
    raw["properties"]["delivery_tag"] = "1"
    made = Message(raw, channel=kombu.Connection("memory://").channel())
    made.accept = {JSON}
    return made


def test_a_body_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    received = message()
    monkeypatch.setitem(registry._decoders, JSON, pytest.fail)
    assert received.payload == [1, {"a": None}]
    assert received.payload is received.payload


def test_who_asks_again_gets_what_nobody_has_changed() -> None:
    received = message()
    received._decode().clear()
    assert received._decode() == [1, {"a": None}]


def test_the_payload_is_read_by_whoever_registered_to_read_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def read(body: Any) -> Any:
        return ["read", body]

    monkeypatch.setitem(registry._decoders, JSON, read)
    assert message(b"text").payload == ["read", b"text"]


def test_a_content_type_that_is_not_accepted_is_refused_as_by_kombu() -> None:
    received = message()
    received.accept = {"text/plain"}
    with pytest.raises(kombu.exceptions.ContentDisallowed):
        assert received.payload
