"""Traces, where the standard OTEL_* variables ask for them; else OpenTelemetry is not loaded.

From the HTTP request (FastAPI makes that span) over the message to the task and its writes. Which
exporter, sampler and attributes: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from celery_azure import tracing
from queue_app.errors import SettingsError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from queue_app.settings import TelemetrySettings

_FLUSH_MILLISECONDS = 3000
_MISSING = "traces need the packages of the extra 'otel': see docs/http-api.md"


def start_tracing(settings: TelemetrySettings, service: str) -> TracerProvider | None:
    """Make spans and export them, when the environment asks for it; None when it does not.

    Args:
        settings: what the environment says.
        service: the name of the service where OTEL_SERVICE_NAME does not give one.

    Raises:
        SettingsError: what it asks for is not installed.
    """
    if settings.traces_exporter is None:
        return None
    try:
        from opentelemetry import trace  # noqa: PLC0415 - loaded by those who want traces
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        raise SettingsError(_MISSING) from None
    exporter = _exporter(settings.traces_exporter)
    provider = TracerProvider(resource=_resource(service))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)  # for what the work itself may instrument
    tracing.install(provider)
    return provider


def trace_tasks(provider: TracerProvider) -> None:
    """Make a span of each task that this worker runs, and of each message that it publishes."""
    from celery import signals  # noqa: PLC0415 - a worker's

    try:
        from opentelemetry.instrumentation.celery import CeleryInstrumentor  # noqa: PLC0415
    except ImportError:
        raise SettingsError(_MISSING) from None
    CeleryInstrumentor().instrument(  # type: ignore[no-untyped-call]
        tracer_provider=provider
    )

    def flush(**_: object) -> None:
        provider.force_flush(_FLUSH_MILLISECONDS)

    signals.worker_process_shutdown.connect(flush, weak=False)
    signals.worker_shutdown.connect(flush, weak=False)


def _exporter(name: str) -> Any:
    """Find an exporter as the SDK's own configuration does: by its entry point."""
    for found in entry_points(group="opentelemetry_traces_exporter", name=name):
        return found.load()()
    raise SettingsError(f"OTEL_TRACES_EXPORTER: no exporter {name!r} is installed; {_MISSING}")


def _resource(service: str) -> Any:
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415

    resource = Resource.create()
    if str(resource.attributes.get(SERVICE_NAME, "unknown_service")).startswith("unknown_service"):
        resource = resource.merge(Resource({SERVICE_NAME: service}))
    return resource
