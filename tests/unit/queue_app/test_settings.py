from pathlib import Path
from typing import Any

import pytest

from queue_app.errors import SettingsError
from queue_app.settings import Settings

ROOT = Path(__file__).parents[3]

REQUIRED = {
    "SERVICE_BUS_KEY_NAME": "RootManageSharedAccessKey",
    "SERVICE_BUS_KEY": "c2VjcmV0LWtleQ==",
    "SERVICE_BUS_NAMESPACE": "my-namespace",
    "SERVICE_BUS_QUEUE_NAME": "jobs",
    "AZURE_BLOB_CONNECTION_STRING": (
        "DefaultEndpointsProtocol=https;AccountName=account;AccountKey=c2VjcmV0LWJsb2I=;"
        "EndpointSuffix=core.windows.net"
    ),
}


pytestmark = pytest.mark.usefixtures("folder_of_settings")


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def _write(dotenv: Path, **changes: str | None) -> None:
    values = {**REQUIRED, **changes}
    lines = [f"{name}={value}\n" for name, value in values.items() if value is not None]
    dotenv.write_text("".join(lines))


def _mistakes(dotenv: Path, **changes: str | None) -> list[str]:
    _write(dotenv, **changes)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    return str(caught.value).splitlines()


def test_the_five_variables_are_enough(dotenv: Path) -> None:
    _write(dotenv)
    settings = Settings.load()
    assert settings.service_bus_endpoint.key_name == "RootManageSharedAccessKey"
    assert settings.service_bus_endpoint.key == "c2VjcmV0LWtleQ=="
    assert settings.service_bus_queue_name == "jobs"
    assert settings.service_bus_admin_port is None
    assert settings.blob_container_name == "celery"
    assert settings.max_payload_bytes == 262_144
    assert settings.processing_delay_seconds == 0
    assert settings.blob_account.connection_string is not None


def test_the_environment_wins_over_the_file(dotenv: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(dotenv)
    monkeypatch.setenv("SERVICE_BUS_QUEUE_NAME", "from-environment")
    assert Settings.load().service_bus_queue_name == "from-environment"


def test_optional_variables_are_read(dotenv: Path) -> None:
    _write(
        dotenv,
        SERVICE_BUS_NAMESPACE="localhost:5672",
        SERVICE_BUS_ADMIN_PORT="5300",
        MAX_PAYLOAD_BYTES="1000",
        PROCESSING_DELAY_SECONDS="0.5",
        BLOB_CONTAINER_NAME="results-1",
    )
    settings = Settings.load()
    assert settings.service_bus_admin_port == 5300
    assert settings.max_payload_bytes == 1000
    assert settings.processing_delay_seconds == 0.5
    assert settings.blob_container_name == "results-1"


def test_without_key_and_name_the_identity_of_the_machine_is_used(dotenv: Path) -> None:
    _write(dotenv, SERVICE_BUS_KEY_NAME=None, SERVICE_BUS_KEY=None)
    endpoint = Settings.load().service_bus_endpoint
    assert (endpoint.key_name, endpoint.key) == (None, None)


def test_every_missing_variable_has_a_line() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert [line.split()[:3] for line in str(caught.value).splitlines()] == [
        ["SERVICE_BUS_NAMESPACE:", "is", "missing"],
        ["SERVICE_BUS_QUEUE_NAME:", "is", "missing"],
        ["AZURE_BLOB_CONNECTION_STRING:", "is", "missing"],
    ]


@pytest.mark.parametrize("blank", ["", "   ", "''"])
def test_a_blank_variable_counts_as_missing(dotenv: Path, blank: str) -> None:
    (line,) = _mistakes(dotenv, SERVICE_BUS_QUEUE_NAME=blank)
    assert line.startswith("SERVICE_BUS_QUEUE_NAME: is missing")


def test_a_blank_variable_does_not_hide_the_file(
    dotenv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _write(dotenv)
    monkeypatch.setenv("SERVICE_BUS_QUEUE_NAME", "")
    assert Settings.load().service_bus_queue_name == "jobs"


def test_a_blank_optional_variable_has_its_default(dotenv: Path) -> None:
    _write(dotenv, MAX_PAYLOAD_BYTES="", SERVICE_BUS_ADMIN_PORT=" ")
    settings = Settings.load()
    assert settings.max_payload_bytes == 262_144
    assert settings.service_bus_admin_port is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVICE_BUS_NAMESPACE", "my namespace"),
        ("SERVICE_BUS_NAMESPACE", "localhost:99999"),
        ("SERVICE_BUS_QUEUE_NAME", "-jobs"),
        ("SERVICE_BUS_QUEUE_NAME", "jobs?"),
        ("SERVICE_BUS_QUEUE_NAME", "j" * 261),
        ("AZURE_BLOB_CONNECTION_STRING", "nonsense"),
        ("SERVICE_BUS_ADMIN_PORT", "70000"),
        ("SERVICE_BUS_ADMIN_PORT", "http"),
        ("BLOB_CONTAINER_NAME", "Results"),
        ("BLOB_CONTAINER_NAME", "a--b"),
        ("BLOB_CONTAINER_NAME", "ab"),
        ("MAX_PAYLOAD_BYTES", "1"),
        ("MAX_PAYLOAD_BYTES", "256 KB"),
        ("PROCESSING_DELAY_SECONDS", "-1"),
        ("PROCESSING_DELAY_SECONDS", "inf"),
        ("PROCESSING_DELAY_SECONDS", "nan"),
    ],
)
def test_a_malformed_variable_is_one_line_that_names_it(
    dotenv: Path, name: str, value: str
) -> None:
    (line,) = _mistakes(dotenv, **{name: value})
    assert line.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("namespace", "realm"),
    [
        ("my-namespace", "my-namespace.servicebus.windows.net/jobs"),
        ("my-namespace.servicebus.windows.net", "my-namespace.servicebus.windows.net/jobs"),
        ("localhost:5672", "localhost:5672/jobs"),
    ],
)
def test_the_ids_of_a_namespace_do_not_depend_on_how_it_is_written(
    dotenv: Path, namespace: str, realm: str
) -> None:
    _write(dotenv, SERVICE_BUS_NAMESPACE=namespace)
    assert Settings.load().realm == realm


@pytest.mark.parametrize("missing", ["SERVICE_BUS_KEY", "SERVICE_BUS_KEY_NAME"])
def test_key_and_name_come_together(dotenv: Path, missing: str) -> None:
    (line,) = _mistakes(dotenv, **{missing: None})
    assert line.startswith("SERVICE_BUS_KEY: is ")
    assert "SERVICE_BUS_KEY_NAME" in line


def test_several_mistakes_are_told_together(dotenv: Path) -> None:
    lines = _mistakes(
        dotenv, SERVICE_BUS_KEY=None, SERVICE_BUS_NAMESPACE="a b", MAX_PAYLOAD_BYTES="x"
    )
    assert [line.split()[0] for line in lines] == [
        "SERVICE_BUS_KEY:",
        "SERVICE_BUS_NAMESPACE:",
        "MAX_PAYLOAD_BYTES:",
    ]


@pytest.mark.parametrize(
    "value", ["AccountKey=c2VjcmV0LWJsb2I=", "c2VjcmV0LWJsb2I=", "ftp://secret-host"]
)
def test_mistakes_do_not_show_secrets(dotenv: Path, value: str) -> None:
    changes: dict[str, str | None] = {
        "SERVICE_BUS_KEY_NAME": None,
        "AZURE_BLOB_CONNECTION_STRING": value,
    }
    key, storage = _mistakes(dotenv, **changes)
    assert key.startswith("SERVICE_BUS_KEY: is set")
    assert storage.startswith("AZURE_BLOB_CONNECTION_STRING: ")
    assert "c2VjcmV0" not in key + storage


def test_printing_settings_does_not_show_secrets(dotenv: Path) -> None:
    _write(dotenv)
    settings = Settings.load()
    shown = f"{settings!r} {settings} {settings.service_bus_endpoint!r} {settings.blob_account!r}"
    assert "c2VjcmV0" not in shown


def test_a_byte_order_mark_in_the_file_is_ignored(dotenv: Path) -> None:
    _write(dotenv)
    dotenv.write_bytes(b"\xef\xbb\xbf" + dotenv.read_bytes())
    assert Settings.load().service_bus_endpoint.key_name == "RootManageSharedAccessKey"


def test_a_file_that_is_not_text_is_one_line(dotenv: Path) -> None:
    dotenv.write_bytes(b"SERVICE_BUS_QUEUE_NAME=\xff\xfe\n")
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert str(caught.value).startswith(".env cannot be read: ")
    assert len(str(caught.value).splitlines()) == 1


def _example_variables() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    pairs = (line.partition("=")[::2] for line in lines if line and not line.startswith("#"))
    return dict(pairs)


def test_the_example_lists_every_setting_in_order() -> None:
    assert list(_example_variables()) == [name.upper() for name in Settings.model_fields]


def test_the_example_shows_the_defaults() -> None:
    shown: dict[str, Any] = {
        name: value for name, value in _example_variables().items() if name not in REQUIRED
    }
    defaults = {name.upper(): field.default for name, field in Settings.model_fields.items()}
    assert shown == {name: "" if defaults[name] is None else str(defaults[name]) for name in shown}


def test_the_example_is_valid(dotenv: Path) -> None:
    dotenv.write_text((ROOT / ".env.example").read_text())
    assert Settings.load().service_bus_namespace == "localhost:5672"
