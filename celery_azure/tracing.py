"""OpenTelemetry spans of what this package does; nothing is traced, nor loaded, until `install`.

    install(tracer_provider)

A message that is published carries the trace as the Azure SDKs write it: the W3C `traceparent` and
`tracestate` in its application properties, and `Diagnostic-Id` for older readers. Celery's own
instrumentation (`opentelemetry-instrumentation-celery`) takes it up in a worker. Each write to Blob
Storage that belongs to a trace is a span; reads are none: whoever waits for a task reads often.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Tracer, TracerProvider

_WRITES = frozenset({"PUT", "DELETE"})
_NO_SPAN = nullcontext()


class _Tracing:
    """What `install` has set for the process."""

    tracer: Tracer | None = None


_tracing = _Tracing()


def install(provider: TracerProvider) -> None:
    """Make spans from now on."""
    _tracing.tracer = provider.get_tracer(__name__)


def is_installed() -> bool:
    """Whether spans are made."""
    return _tracing.tracer is not None


@contextmanager
def publishing(entity: str, task_id: str) -> Iterator[dict[str, str]]:
    """A span around the sending of a message; gives the properties that carry the trace.

    Only after `install`.
    """
    from opentelemetry import propagate  # noqa: PLC0415 - optional
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    if _tracing.tracer is None:
        raise RuntimeError("tracing is not installed")
    attributes = {
        "messaging.system": "servicebus",
        "messaging.operation.type": "send",
        "messaging.destination.name": entity,
        "messaging.message.id": task_id,
    }
    with _tracing.tracer.start_as_current_span(
        f"send {entity}", kind=SpanKind.PRODUCER, attributes=attributes
    ):
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        if "traceparent" in carrier:
            carrier["Diagnostic-Id"] = carrier["traceparent"]
        yield carrier


def requesting(method: str, path: str) -> AbstractContextManager[None]:
    """A span around a request to Blob Storage, when it writes and belongs to a trace."""
    if _tracing.tracer is None or method not in _WRITES:
        return _NO_SPAN
    return _request_span(_tracing.tracer, method, path)


@contextmanager
def _request_span(tracer: Tracer, method: str, path: str) -> Iterator[None]:
    from opentelemetry import trace  # noqa: PLC0415 - optional

    if not trace.get_current_span().get_span_context().is_valid:
        yield
        return
    path = path.partition("?")[0]
    attributes = {
        "az.namespace": "Microsoft.Storage",
        "http.request.method": method,
        "url.path": path,
    }
    with tracer.start_as_current_span(
        f"{method} blob",
        kind=trace.SpanKind.CLIENT,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.StatusCode.ERROR)
            raise


def current_trace() -> dict[str, str]:
    """The trace of what runs here, as members of a log line; empty when there is none."""
    if _tracing.tracer is None:
        return {}
    from opentelemetry import trace  # noqa: PLC0415 - optional

    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(context.trace_id),
        "span_id": trace.format_span_id(context.span_id),
    }
