import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from queue_app.api.application import create_app
from queue_app.producer import InMemoryProducer
from queue_app.settings import Settings

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(settings: Settings, spans: InMemorySpanExporter) -> httpx.AsyncClient:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    app = create_app(settings, InMemoryProducer(), tracer_provider=provider)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://api")


async def test_a_request_is_a_span_in_the_trace_of_its_client(
    traced: httpx.AsyncClient, spans: InMemorySpanExporter
) -> None:
    await traced.post("/enqueue/", json={"secret": "hunter2"}, headers={"traceparent": PARENT})
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind) == ("POST /enqueue/", SpanKind.SERVER)
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == PARENT.split("-")[1]
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == PARENT.split("-")[2]
    assert "hunter2" not in span.to_json()


async def test_what_machines_ask_all_the_time_is_no_span(
    traced: httpx.AsyncClient, spans: InMemorySpanExporter
) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await traced.get(path)).status_code == 200
    assert spans.get_finished_spans() == ()
