import pytest

from queue_app.errors import SettingsError
from queue_app.settings import TelemetrySettings
from queue_app.tracing import start_tracing

ENDPOINT = "http://127.0.0.1:4318"


def chosen(**variables: object) -> str | None:
    return TelemetrySettings.model_validate(variables).traces_exporter


def test_there_are_no_traces_unless_the_environment_asks_for_them() -> None:
    assert chosen() is None
    assert start_tracing(TelemetrySettings(), "queue-api") is None


def test_an_endpoint_asks_for_traces_over_otlp() -> None:
    assert chosen(otel_exporter_otlp_endpoint=ENDPOINT) == "otlp_proto_http"
    assert chosen(otel_exporter_otlp_traces_endpoint=ENDPOINT) == "otlp_proto_http"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"otel_traces_exporter": "otlp"}, "otlp_proto_http"),
        ({"otel_traces_exporter": "console"}, "console"),
        ({"otel_traces_exporter": "none"}, None),
        ({"otel_sdk_disabled": "true"}, None),
        ({"otel_exporter_otlp_protocol": "grpc"}, "otlp_proto_grpc"),
        ({"otel_exporter_otlp_traces_protocol": "grpc"}, "otlp_proto_grpc"),
    ],
)
def test_the_standard_variables_hold(variables: dict[str, str], expected: str | None) -> None:
    assert chosen(otel_exporter_otlp_endpoint=ENDPOINT, **variables) == expected


def test_an_exporter_that_is_not_installed_is_one_readable_line() -> None:
    wanted = TelemetrySettings(otel_traces_exporter="zipkin")
    with pytest.raises(SettingsError, match=r"OTEL_TRACES_EXPORTER: no exporter 'zipkin'"):
        start_tracing(wanted, "queue-api")
