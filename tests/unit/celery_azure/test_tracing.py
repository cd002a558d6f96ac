from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode, format_trace_id

from celery_azure import tracing

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracer(spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> Tracer:
    monkeypatch.setattr(tracing._tracing, "tracer", None)  # as it was, after the test
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    tracing.install(provider)
    return provider.get_tracer("test")


def test_nothing_is_traced_until_it_is_installed() -> None:
    assert not tracing.is_installed()
    assert tracing.current_trace() == {}
    with tracing.requesting("PUT", "/celery/blob"):
        assert tracing.current_trace() == {}
    with pytest.raises(RuntimeError), tracing.publishing("jobs", "t-1"):
        pass


def test_a_message_carries_its_trace_as_the_azure_sdks_write_it(
    tracer: Tracer, spans: InMemorySpanExporter
) -> None:
    with tracer.start_as_current_span("request"), tracing.publishing("jobs", "t-1") as carried:
        pass
    sent, request = spans.get_finished_spans()
    assert sent.parent is not None
    assert request.context is not None
    assert sent.context is not None
    assert sent.parent.span_id == request.context.span_id
    assert (sent.name, sent.kind) == ("send jobs", SpanKind.PRODUCER)
    assert sent.attributes is not None
    assert sent.attributes["messaging.system"] == "servicebus"
    assert sent.attributes["messaging.message.id"] == "t-1"
    version, trace_id, span_id, flags = carried["traceparent"].split("-")
    assert version == "00"
    assert int(flags, 16) & 1  # sampled
    assert trace_id == format_trace_id(request.context.trace_id)
    assert int(span_id, 16) == sent.context.span_id
    assert carried["Diagnostic-Id"] == carried["traceparent"]


def test_writes_of_a_trace_are_spans_without_what_signs_the_request(
    tracer: Tracer, spans: InMemorySpanExporter
) -> None:
    with tracer.start_as_current_span("task"):
        with tracing.requesting("PUT", "/celery/a.json?sig=secret"):
            pass
        with tracing.requesting("GET", "/celery/a.json"):
            pass
    write, task = spans.get_finished_spans()
    assert (write.name, write.kind, task.name) == ("PUT blob", SpanKind.CLIENT, "task")
    assert write.attributes is not None
    assert write.attributes["url.path"] == "/celery/a.json"
    assert "secret" not in write.to_json()


def test_a_write_that_belongs_to_no_trace_begins_none(
    tracer: Tracer, spans: InMemorySpanExporter
) -> None:
    del tracer
    with tracing.requesting("PUT", "/celery/a.json"):
        pass
    assert spans.get_finished_spans() == ()


def test_a_write_that_fails_says_so(tracer: Tracer, spans: InMemorySpanExporter) -> None:
    with (
        tracer.start_as_current_span("task"),
        pytest.raises(TimeoutError),
        tracing.requesting("PUT", "/celery/a.json"),
    ):
        raise TimeoutError("no answer")
    write = spans.get_finished_spans()[0]
    assert write.status.status_code is StatusCode.ERROR
    assert write.attributes is not None
    assert write.attributes["error.type"] == "TimeoutError"


def test_the_current_trace_is_told_to_logs(tracer: Tracer) -> None:
    with tracer.start_as_current_span("task") as span:
        told = tracing.current_trace()
        assert told["trace_id"] == format_trace_id(span.get_span_context().trace_id)
        assert len(told["span_id"]) == 16
