"""One trace from the client's request to the task's writes, as a collector gets it."""

import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from harness.live import start_product
from harness.waiting import wait_until
from tests.integration.jobs import JSON, Client

TRACE = "0af7651916cd43dd8448eb211c80319c"
RETRIED = "1bf7651916cd43dd8448eb211c80319d"
RUN = "run/queue_app.tasks.process_data"
FLAKY = "tests.integration.pipeline.flaky_worker"


class Collector(ThreadingHTTPServer):
    """Takes spans over OTLP; `spans` are pairs of a service and a span."""

    def __init__(self) -> None:
        self.spans: list[tuple[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def of_trace(self, trace_id: str) -> list[tuple[str, Any]]:
        return [(service, s) for service, s in self.spans if s.trace_id.hex() == trace_id]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        body = self.rfile.read(int(self.headers["content-length"]))
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            names = {a.key: a.value.string_value for a in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.server.spans += [(names["service.name"], span) for span in scope.spans]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


def enqueue(client: Client, trace_id: str, job: dict[str, Any]) -> None:
    """Let a job of a trace come to its end."""
    headers = {**JSON, "traceparent": f"00-{trace_id}-b7ad6b7169203331-01"}
    answer = client.http.post("/enqueue/", content=json.dumps(job).encode(), headers=headers)
    client.result(answer.json()["task_id"])


def runs(collector: Collector, trace_id: str) -> list[Any]:
    """The spans of a task's attempts, in the order in which they began."""
    found = [span for _, span in collector.of_trace(trace_id) if span.name == RUN]
    return sorted(found, key=lambda span: span.start_time_unix_nano)


def ancestors(collector: Collector, span: Any) -> list[bytes]:
    """The ids of the spans above one, as far as the collector has them."""
    spans = {one.span_id: one for _, one in collector.spans}
    above = []
    while (span := spans.get(span.parent_span_id)) is not None:
        above.append(span.span_id)
    return above


def test_a_trace_leads_from_the_request_to_the_task_its_writes_and_its_next_attempt(
    product_settings: dict[str, str], collector: Collector, tmp_path: Path
) -> None:
    settings = product_settings | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    worker, api, url = start_product(settings, app=FLAKY, folder=tmp_path)
    with worker, api, Client(url) as client:
        enqueue(client, TRACE, {"file": str(tmp_path / "lucky"), "succeeds_at": 1})
        enqueue(client, RETRIED, {"file": str(tmp_path / "unlucky"), "succeeds_at": 2})

        def names() -> Any:
            found = {span.name for _, span in collector.of_trace(TRACE)}
            return found if "PUT blob" in found and len(found) == 4 else None

        wait_until(names, "the four spans of the trace", 30)
        wait_until(lambda: len(runs(collector, RETRIED)) == 2, "the spans of two attempts", 30)
        worker.stop()
        api.stop()
    by_name = {span.name: (service, span) for service, span in collector.of_trace(TRACE)}
    queue = settings["SERVICE_BUS_QUEUE_NAME"]
    way = ["POST /enqueue/", f"send {queue}", RUN, "PUT blob"]
    assert set(by_name) == set(way)
    assert [by_name[name][0] for name in way] == [*["queue-api"] * 2, *["queue-worker"] * 2]
    for before, after in itertools.pairwise(way):
        assert by_name[after][1].parent_span_id == by_name[before][1].span_id
    first, second = runs(collector, RETRIED)
    assert first.span_id in ancestors(collector, second)
    assert "Traceback" not in api.output


@pytest.mark.embedded_only
def test_without_traces_a_worker_loads_nothing_of_opentelemetry() -> None:
    code = "import sys, queue_app.celery_app; print([m for m in sys.modules if 'telemetry' in m])"
    done = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
