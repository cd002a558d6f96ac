from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from celery import Celery

from celery_azure.amqp.messages import Message, Received
from celery_azure.envelope import (
    EXTRA,
    KOMBU,
    MAX_BODY_BYTES,
    MAX_MESSAGE_BYTES,
    NATIVE,
    NotAnEnvelopeError,
    decode,
    encode,
)

NOW = 1_800_000_000.0
SOON = "2027-01-15T08:00:30+00:00"  # NOW and thirty seconds


def celery_message(**options: Any) -> dict[str, Any]:
    """What Celery hands to kombu for a task, as kombu hands it to a channel."""
    app = Celery("test", set_as_current=False)
    task = app.amqp.as_task_v2("id-1", "work", [1], {"é": 2}, **options)
    return {
        "body": json.dumps(task.body, ensure_ascii=False),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": task.headers,
        "properties": {
            **task.properties,
            "delivery_info": {"exchange": "jobs", "routing_key": "jobs"},
            "delivery_tag": "1",
            "delivery_mode": 2,
            "priority": 0,
            "body_encoding": None,
        },
    }


def through(message: dict[str, Any], shape: str = NATIVE, *, now: float = NOW) -> dict[str, Any]:
    outgoing = encode(message, "jobs", "jobs", now=now, shape=shape)
    return decode(Received(outgoing.to_bytes()), now)


@pytest.mark.parametrize(("retries", "expected"), [(0, "id-1"), (2, "id-1:2")])
def test_a_retry_is_no_duplicate_of_what_it_retries(retries: int, expected: str) -> None:
    outgoing = encode(celery_message(retries=retries), "jobs", "jobs", now=NOW)
    assert outgoing.message_id == expected


def test_a_task_comes_back_with_all_its_headers() -> None:
    message = celery_message(retries=2, group_id="g", time_limit=5, root_id="r")
    back = through(message)
    assert back["headers"] == message["headers"]
    assert back["body"].decode() == message["body"]
    assert back["content-type"] == "application/json"
    assert back["properties"]["correlation_id"] == "id-1"
    assert back["properties"]["delivery_info"] == {"exchange": "jobs", "routing_key": "jobs"}


def test_the_message_reads_well_where_people_look_at_it() -> None:
    outgoing = encode(celery_message(), "jobs", "jobs", now=NOW)
    received = Received(outgoing.to_bytes())
    assert json.loads(received.body)[:2] == [[1], {"é": 2}]
    assert received.message_id == "id-1"
    assert received.system_property(3) == "work"
    assert received.properties["task"] == "work"
    assert received.properties["retries"] == 0
    assert json.loads(received.properties[EXTRA])["headers"]["timelimit"] == [None, None]


def test_the_shape_of_kombu_is_written_and_read() -> None:
    message = celery_message()
    body = base64.b64encode(message["body"].encode()).decode()
    message["body"], message["properties"]["body_encoding"] = body, "base64"
    outgoing = encode(message, "jobs", "jobs", now=NOW, shape=KOMBU)
    assert json.loads(outgoing.body)["headers"]["task"] == "work"
    back = decode(Received(outgoing.to_bytes()), NOW)
    assert back["headers"] == message["headers"]
    assert back["body"] == body
    assert outgoing.message_id == "id-1"


@pytest.mark.parametrize("shape", [NATIVE, KOMBU])
def test_a_task_for_later_is_scheduled_and_not_kept_again(shape: str) -> None:
    message = celery_message(eta=SOON)
    outgoing = encode(message, "jobs", "jobs", now=NOW, shape=shape)
    assert outgoing.scheduled == round((NOW + 30) * 1000)
    early = decode(Received(outgoing.to_bytes()), NOW + 29)
    assert early["headers"]["eta"] <= "2027-01-15T08:00:29+00:00"
    late = decode(Received(outgoing.to_bytes()), NOW + 31)
    assert late["headers"]["eta"] == SOON


def test_a_time_that_is_past_schedules_nothing() -> None:
    outgoing = encode(celery_message(eta=SOON), "", "jobs", now=NOW + 60)
    assert outgoing.scheduled is None


def test_expires_is_the_time_to_live_from_the_moment_of_enqueueing() -> None:
    later = "2027-01-15T08:01:00+00:00"
    assert encode(celery_message(expires=later), "", "jobs", now=NOW).ttl == 60_000
    both = celery_message(expires=later, eta=SOON)
    assert encode(both, "", "jobs", now=NOW).ttl == 30_000
    assert encode(celery_message(expires=later), "", "jobs", now=NOW + 99).ttl == 1
    assert encode(celery_message(), "", "jobs", now=NOW).ttl is None


def test_a_message_that_is_no_task_comes_back() -> None:
    message = {
        "body": b"\x80\x04binary",
        "content-type": "application/x-python-serialize",
        "content-encoding": "binary",
        "headers": {"compression": "bzip2", "list": [1], "none": None, "big": 2**70},
        "properties": {"delivery_info": {}, "expiration": "5000", "reply_to": "me", "priority": 3},
    }
    outgoing = encode(message, "", "simple", now=NOW)
    assert outgoing.ttl == 5000
    back = decode(Received(outgoing.to_bytes()), NOW)
    assert back["body"] == message["body"]
    assert back["headers"] == message["headers"]
    assert back["content-encoding"] == "binary"
    assert back["properties"]["reply_to"] == "me"
    assert back["properties"]["priority"] == 3
    assert back["properties"]["delivery_info"]["routing_key"] == "simple"


def test_what_kombu_says_of_a_message_comes_with_it_and_its_id_is_the_message_s() -> None:
    told = {"message_id": "m-1", "type": "news", "timestamp": 17, "app_id": "shop"}
    message = {
        "body": "text",
        "content-type": "text/plain",
        "headers": {},
        "properties": {"delivery_info": {}, "correlation_id": "c-1", "user_id": None, **told},
    }
    outgoing = encode(message, "", "simple", now=NOW)
    assert outgoing.message_id == "m-1"
    back = decode(Received(outgoing.to_bytes()), NOW)["properties"]
    assert told.items() <= back.items()
    assert back["correlation_id"] == "c-1"
    assert "user_id" not in back


def foreign(body: bytes = b"[[], {}, {}]", **properties: Any) -> Received:
    outgoing = Message(body, content_type="application/json", properties=properties)
    return Received(outgoing.to_bytes())


TASK: dict[str, Any] = {"task": "work", "id": "1"}
UNREADABLE = b'[[{"__type__": "decimal", "__value__": "one"}], {}, {}]'


def from_kombu(
    headers: dict[str, Any] | None = None,
    body: str = "W1tdLHt9LHt9XQ==",
    body_encoding: object = "base64",
    kind: object = "application/json",
    encoding: object = "utf-8",
) -> Received:
    """A message in kombu's own shape; as it is without arguments, it can be read."""
    properties = {"body_encoding": body_encoding, "delivery_info": {}}
    message: dict[str, object] = {"body": body, "headers": headers or {}}
    message |= {"properties": properties, "content-type": kind, "content-encoding": encoding}
    return foreign(json.dumps(message).encode())


@pytest.mark.parametrize(
    "more",
    [{}, {"timelimit": [30, None]}, {"timelimit": None, "expires": SOON}, {"stamps": {"a": 1}}],
)
def test_what_kombu_wrote_is_read(more: dict[str, Any]) -> None:
    assert decode(from_kombu(TASK | more), NOW)["headers"] == TASK | more


def test_what_only_kombu_knows_may_be_bytes() -> None:
    back = decode(foreign(**{EXTRA: b'{"headers":{"lang":"other"}}'}), NOW)
    assert back["headers"] == {"lang": "other"}


def test_another_language_may_write_a_task_with_two_properties() -> None:
    back = decode(foreign(task="work", id="1"), NOW)
    assert back["headers"] == {"task": "work", "id": "1"}


@pytest.mark.parametrize(
    "received",
    [
        pytest.param(foreign(b"\xff not Celery"), id="bytes"),
        pytest.param(foreign(b"[1]"), id="no object"),
        pytest.param(foreign(b"[" * 100_000), id="nesting"),
        pytest.param(foreign(b'{"body": "x", "headers": {}, "properties": {}}'), id="no info"),
        pytest.param(foreign(b"{broken", task="work", id="1"), id="broken body"),
        pytest.param(foreign(b"[" * 100_000, task="work", id="1"), id="deep body"),
        pytest.param(foreign("[[], {}, {}]".encode("utf-16"), **TASK), id="no UTF-8"),
        pytest.param(foreign(UNREADABLE, **TASK), id="a value of a type that it cannot have"),
        pytest.param(foreign(b"[1, 2]", task="work", id="1"), id="no task"),
        pytest.param(foreign(b"[[], [], {}]", task="work", id="1"), id="no keywords"),
        pytest.param(foreign(b"[]", **{EXTRA: "{broken"}), id="broken property"),
        pytest.param(foreign(b"[]", **{EXTRA: 5}), id="a number for the property"),
        *(
            pytest.param(foreign(b'{"__type__": %s, "__value__": 1}' % kind), id=f"no {kind!r}")
            for kind in (b'"decimal"', b'"uuid"', b'"bytes"', b'"unknown"', b"[]")
        ),
        pytest.param(foreign(b'{"__type__": "decimal", "__value__": "x"}'), id="no number"),
        pytest.param(from_kombu(headers={"task": ["work"], "id": "1"}), id="a list for a name"),
        pytest.param(from_kombu(headers={"task": "work"}), id="no id"),
        *(
            pytest.param(from_kombu(headers=TASK | {name: value}), id=f"{name} {value!r}")
            for name, value in (
                ("task", ""),
                ("id", ["1"]),
                ("eta", ""),
                ("eta", 0),
                ("expires", ""),
                ("expires", {}),
                ("timelimit", 5),
                ("timelimit", [5]),
                ("timelimit", ["5", None]),
                ("stamps", ["a"]),
                ("stamped_headers", True),
                ("stamped_headers", [["a"]]),
            )
        ),
        pytest.param(foreign(task="work", id="1", expires=""), id="no time"),
        pytest.param(from_kombu(body_encoding="rot13"), id="unknown encoding"),
        pytest.param(from_kombu(body_encoding=["base64"]), id="a list for an encoding"),
        pytest.param(from_kombu(body="x", body_encoding="base64", kind="x/y"), id="no base64"),
        pytest.param(from_kombu(body='["\ud800"]', body_encoding=None), id="no Unicode"),
        pytest.param(from_kombu(kind=["application/json"]), id="a list for a content type"),
        pytest.param(from_kombu(encoding=8, kind="text/plain"), id="a number for an encoding"),
        pytest.param(foreign(b"[]", **{EXTRA: "[]"}), id="property of another kind"),
    ],
)
def test_what_celery_could_not_run_is_no_envelope(received: Received) -> None:
    with pytest.raises(NotAnEnvelopeError):
        decode(received, NOW)


def test_the_longest_body_fits_into_a_message() -> None:
    message = celery_message(argsrepr="()", kwargsrepr="{}")
    message["body"] = "x" * MAX_BODY_BYTES
    payload = encode(message, "q" * 260, "q" * 260, now=NOW).to_bytes()
    assert len(payload) < MAX_MESSAGE_BYTES


@pytest.mark.parametrize("extra", ['{"properties":[1]}', '{"headers":"x"}', "[]", "nonsense"])
def test_what_only_kombu_knows_is_an_object_of_objects(extra: str) -> None:
    payload = Message(b"[[],{},{}]", properties={EXTRA: extra}).to_bytes()
    with pytest.raises(NotAnEnvelopeError, match=EXTRA):
        decode(Received(payload), NOW)
