"""The settings of the API and the worker: the only reader of the environment and of `.env`."""

import re
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from celery_azure.connection import BlobAccount, ServiceBusEndpoint, parse_blob_account
from queue_app.api_keys import ApiKeys
from queue_app.errors import SettingsError

_QUEUE_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?", re.ASCII)
_CONTAINER_NAME = re.compile(r"[a-z0-9](?:-?[a-z0-9])+", re.ASCII)


class Settings(BaseSettings):
    """Every setting; the environment variable is the field's name in upper case.

    Use `load`, which explains mistakes; an empty variable counts as missing.
    """

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8-sig",  # editors on Windows begin files with a byte order mark
        env_ignore_empty=True,  # an empty variable must not hide the file's
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    service_bus_key_name: str | None = Field(
        default=None, description="the name of a shared access policy; none for Entra ID"
    )
    service_bus_key: SecretStr | None = Field(
        default=None, description="the key of that policy; none for Entra ID"
    )
    service_bus_namespace: str = Field(
        description="my-namespace, my-namespace.servicebus.windows.net, or an emulator's host:port"
    )
    service_bus_queue_name: str = Field(description="the queue that carries the jobs")
    azure_blob_connection_string: SecretStr = Field(
        description="a storage account's connection string, or its https URL for Entra ID"
    )
    service_bus_admin_port: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None, description="an emulator's admin port when it is not the AMQP port"
    )
    blob_container_name: str = Field(
        default="celery", description="the container of results and claims"
    )
    max_payload_bytes: int = Field(
        default=262_144, ge=2, description="the longest request body accepted, in bytes"
    )
    processing_delay_seconds: float = Field(
        default=0, ge=0, allow_inf_nan=False, description="how long the sample task sleeps"
    )
    started_after_seconds: float = Field(
        default=0.1, ge=0, le=60, description="STARTED is stored for tasks that take longer"
    )
    tell_changes: bool = Field(
        default=True,
        description="whether workers tell which tasks have changed, while a process of the API "
        "watches many",
    )
    task_attempts: int = Field(
        default=5, ge=1, description="how often a job is tried whose error may pass"
    )
    retry_first_seconds: float = Field(
        default=2, ge=0, allow_inf_nan=False, description="the first pause between two attempts"
    )
    retry_longest_seconds: float = Field(
        default=300, ge=0, le=7 * 86_400, description="the longest pause between two attempts"
    )
    task_logs: bool = Field(default=True, description="whether each task's log is stored")
    log_format: Literal["text", "json"] = Field(
        default="text", description="how the processes log: text, or JSON lines"
    )
    result_expires_hours: float = Field(
        default=168, gt=0, le=24 * 3650, description="after how long the sweeper removes results"
    )
    remote_control: bool = Field(
        default=False,
        description="whether workers can be inspected and told to stop tasks; needs the Standard "
        "tier, and the Manage right",
    )
    worker_metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        default=None, description="where a worker serves metrics for Prometheus; none for nowhere"
    )
    worker_metrics_host: str = Field(
        default="127.0.0.1", description="the address of this machine that it serves them on"
    )
    api_keys: SecretStr | None = Field(
        default=None, description="name:scopes:sha256 of each API key; none for no keys"
    )
    rate_limit_per_second: float = Field(
        default=0, ge=0, allow_inf_nan=False, description="requests of a key a second; 0: no limit"
    )
    max_batch_items: int = Field(
        default=10_000, ge=1, description="the most jobs in a request to /enqueue/batch"
    )
    max_batch_bytes: int = Field(
        default=16_777_216, ge=2, description="the longest body of /enqueue/batch, in bytes"
    )
    idempotency_hours: float = Field(
        default=24, gt=0, le=24 * 365, description="how long an Idempotency-Key is known"
    )
    max_streams: int = Field(
        default=2_000, ge=0, description="how many clients of a process may wait for changes"
    )
    shutdown_grace_seconds: float = Field(
        default=0, ge=0, le=300, description="how long to go on after being asked to stop"
    )

    @classmethod
    def load(cls) -> Self:
        """Read the environment and `.env`; the environment wins.

        Raises:
            SettingsError: its text names every variable that is missing or malformed, a line each.
        """
        try:
            return cls()  # type: ignore[call-arg]  # the environment gives the arguments
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f".env cannot be read: {error}") from None

    @cached_property
    def service_bus_endpoint(self) -> ServiceBusEndpoint:
        """Where the broker is and how to identify there."""
        return ServiceBusEndpoint.parse(
            self.service_bus_namespace,
            key_name=self.service_bus_key_name,
            key=self.service_bus_key.get_secret_value() if self.service_bus_key else None,
            admin_port=self.service_bus_admin_port,
        )

    @cached_property
    def blob_account(self) -> BlobAccount:
        """Where the storage is and how to identify there."""
        return parse_blob_account(self.azure_blob_connection_string.get_secret_value())

    @cached_property
    def accepted_api_keys(self) -> ApiKeys:
        """The keys that the API accepts."""
        return ApiKeys.parse(self.api_keys.get_secret_value() if self.api_keys else "")

    @property
    def realm(self) -> str:
        """What task ids of this system have in common, and no other system's."""
        endpoint = self.service_bus_endpoint
        port = f":{endpoint.port}" if endpoint.is_emulator else ""
        return f"{endpoint.host}{port}/{self.service_bus_queue_name}"

    @model_validator(mode="before")
    @classmethod
    def _drop_empty(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Treat blank values as missing: `NAME=` is how a template says "not set"."""
        stripped = {k: v.strip() if isinstance(v, str) else v for k, v in values.items()}
        return {name: value for name, value in stripped.items() if value != ""}

    @field_validator("service_bus_key")
    @classmethod
    def _key_and_name_together(
        cls, value: SecretStr | None, info: ValidationInfo
    ) -> SecretStr | None:
        has_name = info.data.get("service_bus_key_name") is not None
        if has_name and value is None:
            raise ValueError("is missing, while SERVICE_BUS_KEY_NAME is set")
        if value is not None and not has_name:
            raise ValueError("is set, while SERVICE_BUS_KEY_NAME is missing")
        return value

    @field_validator("service_bus_namespace")
    @classmethod
    def _namespace_parses(cls, value: str, info: ValidationInfo) -> str:
        key: SecretStr | None = info.data.get("service_bus_key")
        ServiceBusEndpoint.parse(
            value,
            key_name=info.data.get("service_bus_key_name"),
            key=key.get_secret_value() if key else None,
        )
        return value

    @field_validator("service_bus_queue_name")
    @classmethod
    def _queue_name_is_legal(cls, value: str) -> str:
        # Service Bus: letters, digits, . _ - and /, at most 260, a letter or digit at both ends.
        if len(value) > 260 or not _QUEUE_NAME.fullmatch(value):  # noqa: PLR2004 - quoted above
            raise ValueError("is not a queue name: letters, digits, . _ - / (at most 260)")
        return value

    @field_validator("azure_blob_connection_string")
    @classmethod
    def _blob_account_parses(cls, value: SecretStr) -> SecretStr:
        parse_blob_account(value.get_secret_value())
        return value

    @field_validator("api_keys")
    @classmethod
    def _api_keys_parse(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            ApiKeys.parse(value.get_secret_value())
        return value

    @field_validator("blob_container_name")
    @classmethod
    def _container_name_is_legal(cls, value: str) -> str:
        # Blob Storage: 3 to 63 lower-case letters, digits and single hyphens.
        if not 3 <= len(value) <= 63 or not _CONTAINER_NAME.fullmatch(value):  # noqa: PLR2004
            raise ValueError("is not a container name: 3 to 63 of a-z, 0-9 and single hyphens")
        return value


class TelemetrySettings(BaseSettings):
    """Which of OpenTelemetry's standard variables decide whether there are traces.

    The SDK reads these and all others from the environment itself; `.env` is not asked.
    """

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    otel_sdk_disabled: bool = False
    otel_traces_exporter: str | None = None
    otel_exporter_otlp_endpoint: str | None = None
    otel_exporter_otlp_traces_endpoint: str | None = None
    otel_exporter_otlp_protocol: str = "http/protobuf"
    otel_exporter_otlp_traces_protocol: str | None = None

    @property
    def traces_exporter(self) -> str | None:
        """The exporter's registered name; None for no traces.

        Off unless an exporter or an endpoint is named, while the specification's default is an
        endpoint on localhost.
        """
        endpoint = self.otel_exporter_otlp_traces_endpoint or self.otel_exporter_otlp_endpoint
        name = self.otel_traces_exporter or ("otlp" if endpoint else "none")
        if self.otel_sdk_disabled or name == "none":
            return None
        if name != "otlp":
            return name
        protocol = self.otel_exporter_otlp_traces_protocol or self.otel_exporter_otlp_protocol
        return "otlp_proto_" + ("grpc" if protocol == "grpc" else "http")


class ClientSettings(BaseSettings):
    """What the command line takes from the environment."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    queue_url: str = Field(default="http://127.0.0.1:8001", description="where the API is")
    queue_key: SecretStr | None = Field(default=None, description="an API key")

    @classmethod
    def load(cls) -> Self:
        """Read the environment."""
        return cls()

    @property
    def key(self) -> str | None:
        """The API key."""
        return self.queue_key.get_secret_value() if self.queue_key else None


def _explain(error: ValidationError) -> str:
    lines = []
    for detail in error.errors(include_url=False, include_input=False):
        name = str(detail["loc"][0])
        if detail["type"] == "missing":
            problem = f"is missing ({Settings.model_fields[name].description})"
        elif detail["type"] == "value_error":
            problem = str(detail["ctx"]["error"])
        else:
            problem = detail["msg"]
        lines.append(f"{name.upper()}: {problem}")
    return "\n".join(lines)
