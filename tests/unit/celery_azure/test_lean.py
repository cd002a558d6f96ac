"""The contract: a message that is written without Celery is the one that Celery writes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from celery import Celery
from kombu import Connection, Producer

from celery_azure.amqp.messages import FIRST_COPY, Received
from celery_azure.envelope import EXTRA
from celery_azure.lean import TaskWriter
from celery_azure.serializer import NAME as PLAIN_JSON
from celery_azure.serializer import dumps, register_plain_json
from celery_azure.transport import Transport

TASK_ID = "3f0c8a52-7f0e-4a3e-9f5c-1d1f8f1f2a10"
KEYWORDS: dict[str, Any] = {"payload": {"é😀": [1, 2.5, None, True, {}], "": '\0"\\'}}
DUE_AT = 4_000_000_000.5


class Captured:
    """Stands where the namespace stands."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    def publish(self, entity: str, payload: bytes, *timeouts: float) -> None:
        assert min(timeouts) > 0
        self.sent.append((entity, payload))


def work(**keywords: Any) -> None:
    """Do nothing."""
    del keywords


def create_app(*, has_task: bool = True, **settings: Any) -> Celery:
    register_plain_json()
    app = Celery("lean", set_as_current=False)
    app.conf.update(
        broker_url="azureservicebus://name:key@127.0.0.1:5672",
        broker_transport="celery_azure.transport:Transport",
        task_default_queue="jobs",
        task_serializer=PLAIN_JSON,
        **settings,
    )
    if has_task:
        app.task(name="work", shared=False)(work)
        app.finalize()
    return app


def from_celery(app: Celery, **options: Any) -> tuple[str, bytes]:
    """What `apply_async` sends."""
    captured = Captured()
    transport = type("Capturing", (Transport,), {"namespace": captured})
    options_ = app.conf.broker_transport_options
    connection = Connection(app.conf.broker_url, transport=transport, transport_options=options_)
    producer = Producer(connection.channel(), auto_declare=False)
    app.tasks["work"].apply_async(
        kwargs=KEYWORDS, task_id=TASK_ID, producer=producer, retry=False, **options
    )
    [sent] = captured.sent
    return sent


def sections(payload: bytes) -> dict[str, Any]:
    """A message as what it says; the order of properties says nothing."""
    received = Received(payload)
    properties = dict(received.properties)
    extra = json.loads(properties.pop(EXTRA))
    return {
        "header": received.header,
        "annotations": received.annotations,
        "system": received.system,
        "properties": properties,
        "extra": extra,
        "body": received.body,
    }


IGNORED = {"task_ignore_result": True, "task_track_started": True}
LIMITED = {"task_time_limit": 30, "broker_transport_options": {"queue_name_prefix": "test-"}}
ROUTED = {"task_routes": {"work": {"queue": "elsewhere"}}}
OPTIONS = {"argsrepr": "()", "kwargsrepr": "{}", "reply_to": "here"}


def assert_same(writer: TaskWriter, app: Celery, due_at: float | None) -> None:
    eta = None if due_at is None else datetime.fromtimestamp(due_at, UTC)
    entity, expected = from_celery(app, eta=eta, **OPTIONS)
    written = writer.write(TASK_ID, dumps(KEYWORDS).encode(), due_at)
    assert writer.entity == entity
    assert sections(written) == sections(expected)
    assert len(written) == len(expected)


@pytest.mark.parametrize("due_at", [None, DUE_AT])
@pytest.mark.parametrize(
    "settings", [{}, IGNORED, LIMITED, ROUTED], ids=["defaults", "ignored", "limits", "routes"]
)
def test_it_is_what_apply_async_writes(settings: dict[str, Any], due_at: float | None) -> None:
    app = create_app(**settings)
    assert_same(TaskWriter(app, "work", **OPTIONS), app, due_at)


@pytest.mark.parametrize("due_at", [None, DUE_AT])
@pytest.mark.parametrize("settings", [{}, IGNORED, ROUTED], ids=["defaults", "ignored", "routes"])
def test_an_app_without_the_task_writes_what_the_app_with_it_would(
    settings: dict[str, Any], due_at: float | None
) -> None:
    writer = TaskWriter(create_app(has_task=False, **settings), "work", **OPTIONS)
    assert_same(writer, create_app(**settings), due_at)


def test_options_of_the_message_hold() -> None:
    app = create_app()
    options = {"queue": "special", "priority": 0, "time_limit": 5, "shadow": "shown"}
    _, expected = from_celery(app, argsrepr="()", kwargsrepr="{}", **options)
    writer = TaskWriter(app, "work", argsrepr="()", kwargsrepr="{}", **options)
    assert sections(writer.write(TASK_ID, dumps(KEYWORDS).encode())) == sections(expected)


@pytest.mark.parametrize(
    "settings",
    [{"task_serializer": "json"}, {"broker_transport_options": {"message_format": "kombu"}}],
    ids=["serializer", "format"],
)
def test_another_way_of_writing_is_refused(settings: dict[str, Any]) -> None:
    app = create_app(has_task=False)
    app.conf.update(settings)
    with pytest.raises(ValueError, match="plain JSON"):
        TaskWriter(app, "work")


@pytest.mark.parametrize("due_at", [None, DUE_AT])
def test_properties_of_one_message_are_added_to_those_of_all(due_at: float | None) -> None:
    writer = TaskWriter(create_app(), "work")
    plain = Received(writer.write(TASK_ID, b"{}", due_at))
    traced = Received(writer.write(TASK_ID, b"{}", due_at, {"traceparent": "00-a-b-01"}))
    assert traced.properties == {**plain.properties, "traceparent": "00-a-b-01"}
    assert traced.body == plain.body


@pytest.mark.parametrize(
    "task_id", ["", "nightly-report:2026.11@eu", "é" * 18, "é" * 36, "a" * 300]
)
def test_an_id_of_any_kind_stands_where_the_usual_ones_stand(task_id: str) -> None:
    writer = TaskWriter(create_app(), "work")
    usual, unusual = (Received(writer.write(one, b"{}")) for one in (TASK_ID, task_id))
    assert unusual.properties == {**usual.properties, "id": task_id, "root_id": task_id}
    assert unusual.system == [task_id if one == TASK_ID else one for one in usual.system]
    assert unusual.body == usual.body


@pytest.mark.parametrize("properties", [None, {"traceparent": "00"}])
def test_the_first_message_of_a_task_says_so_and_is_the_same_otherwise(
    properties: dict[str, str] | None,
) -> None:
    writer, keywords = TaskWriter(create_app(), "work", **OPTIONS), dumps(KEYWORDS).encode()
    plain = sections(writer.write(TASK_ID, keywords, properties=properties))
    first = sections(writer.write(TASK_ID, keywords, properties=properties, is_first=True))
    assert first["properties"].pop(FIRST_COPY) is True
    assert first == plain


def test_a_task_for_later_never_says_that_it_comes_first() -> None:
    writer = TaskWriter(create_app(), "work")
    later = [writer.write(TASK_ID, b"{}", 1e9, is_first=is_first) for is_first in (False, True)]
    assert later[0] == later[1]
