import ssl
import sys
from datetime import UTC, datetime

import pytest
from cryptography import x509

from servicebus_emulator.server.certificate import LOCAL_NAMES, Certificate, TlsUnavailableError

NOW = 1_800_000_000.0


def made(*names: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Certificate.make(names, NOW).certificate)


def test_the_certificate_names_each_host_and_address_once() -> None:
    extension = made(*LOCAL_NAMES, "localhost", "bus").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )

    assert [str(name.value) for name in extension.value] == [*LOCAL_NAMES, "bus"]


def test_a_name_that_no_certificate_can_carry_is_left_out() -> None:
    extension = made("localhost", "bücher").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )

    assert [str(name.value) for name in extension.value] == ["localhost"]


def test_the_certificate_is_valid_now() -> None:
    certificate = made("localhost")
    now = datetime.fromtimestamp(NOW, UTC)

    assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc


def test_the_certificate_is_an_authority_for_itself() -> None:
    constraints = made("localhost").extensions.get_extension_for_class(x509.BasicConstraints)

    assert (constraints.critical, constraints.value.ca) == (True, True)


def test_the_context_presents_the_certificate() -> None:
    certificate = Certificate.make(["localhost"], NOW)

    assert isinstance(certificate.server_context(), ssl.SSLContext)


def test_the_private_key_is_not_shown() -> None:
    assert "PRIVATE" not in repr(Certificate.make(["localhost"], NOW))


def test_without_cryptography_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)

    with pytest.raises(TlsUnavailableError, match="emulator-tls"):
        Certificate.make(["localhost"], NOW)
