"""The API's composition root: `uvicorn main:app --port 8001`."""

import gc

from celery_azure.tracing import current_trace
from queue_app.api.application import create_app
from queue_app.api.request_heads import guard_server
from queue_app.errors import SettingsError
from queue_app.json_logs import use_json_in_server
from queue_app.settings import Settings, TelemetrySettings
from queue_app.tracing import start_tracing

try:
    settings = Settings.load()
    tracer_provider = start_tracing(TelemetrySettings(), "queue-api")
except SettingsError as error:
    raise SystemExit(str(error)) from None

if settings.log_format == "json":
    use_json_in_server(current_trace)

guard_server()
app = create_app(settings, tracer_provider=tracer_provider)

# What is loaded by now stays: the garbage collector need not walk through it while requests wait.
gc.freeze()
