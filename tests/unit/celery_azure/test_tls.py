from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest

from celery_azure.connection import ServiceBusEndpoint
from celery_azure.dialing import tls_of
from celery_azure.tls import TlsSettings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("value", [None, False, {}, 0])
def test_nothing_said_is_nothing_set(value: object) -> None:
    assert TlsSettings.read(value) is None


@pytest.mark.parametrize(
    ("value", "settings"),
    [
        (True, TlsSettings()),
        ({"ca_certs": "ca.pem"}, TlsSettings("ca.pem")),
        ({"ca_certs": "ca.pem", "cert_reqs": ssl.CERT_REQUIRED}, TlsSettings("ca.pem")),
        ({"certfile": "c.pem", "keyfile": "k.pem"}, TlsSettings(None, "c.pem", "k.pem")),
        ({"ca_certs": None, "cert_reqs": "required"}, TlsSettings()),
    ],
)
def test_what_celery_users_write_is_read(value: Any, settings: TlsSettings) -> None:
    assert TlsSettings.read(value) == settings


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("yes", "neither a boolean nor a dictionary"),
        ({"cert_reqs": ssl.CERT_NONE}, "always verified"),
        ({"cert_reqs": "none"}, "always verified"),
        ({"ssl_ca_certs": "x", "ca_certs": "y"}, "ssl_ca_certs is not known; .* ca_certs"),
    ],
)
def test_anything_else_is_refused_with_a_reason(value: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        TlsSettings.read(value)


@pytest.mark.parametrize("name", ["ca_certs", "certfile"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    settings = TlsSettings.read({name: str(tmp_path / "missing.pem")})
    assert settings is not None
    with pytest.raises(ValueError, match=f"{name} .*missing.pem"):
        settings.context()


def test_names_and_certificates_are_verified() -> None:
    context = TlsSettings().context()
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_the_cloud_is_spoken_to_over_tls_and_an_emulator_where_that_is_asked_for() -> None:
    cloud = ServiceBusEndpoint.parse("name")
    emulator = ServiceBusEndpoint.parse("localhost:5672", key_name="n", key="k")
    asked = ServiceBusEndpoint.parse("localhost:5672", key_name="n", key="k", tls=TlsSettings())
    assert tls_of(cloud) is not None
    assert tls_of(emulator) is None
    assert tls_of(asked) is not None
