"""The certificate for clients that insist on TLS: self-signed, made at run time, kept nowhere.

Needs the optional package `cryptography` (extra `emulator-tls`), imported when it is first wanted.
"""

from __future__ import annotations

import contextlib
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")
_LIFETIME = timedelta(days=365)
_CLOCK_SKEW = timedelta(days=1)


class TlsUnavailableError(Exception):
    """TLS needs the package `cryptography`, which is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "TLS is off: install the package `cryptography` (extra `emulator-tls`) to turn it on"
        )


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key, both in PEM."""

    certificate: bytes
    key: bytes = field(repr=False)

    @classmethod
    def make(cls, names: Iterable[str], now: float) -> Certificate:
        """A new self-signed certificate for host names and addresses.

        Args:
            names: What clients may call the server; each becomes a subject alternative name.
            now: Seconds since the epoch; valid from the day before for a year.

        Raises:
            TlsUnavailableError: `cryptography` is not installed.
        """
        try:
            from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 (optional)
            from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 (optional)
        except ImportError as missing:
            raise TlsUnavailableError from missing
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _self_signed(key, names, datetime.fromtimestamp(now, UTC))
        return cls(
            certificate.public_bytes(serialization.Encoding.PEM),
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )

    def server_context(self) -> ssl.SSLContext:
        """A TLS context that presents this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # The ssl module loads from files only; the folder is readable by this user alone.
        with tempfile.TemporaryDirectory(prefix="servicebus-emulator-") as folder:
            path = Path(folder, "server.pem")
            path.write_bytes(self.key + self.certificate)
            context.load_cert_chain(path)
        return context


def _self_signed(
    key: ec.EllipticCurvePrivateKey, names: Iterable[str], now: datetime
) -> x509.Certificate:
    from cryptography import x509  # noqa: PLC0415 (optional)
    from cryptography.hazmat.primitives import hashes  # noqa: PLC0415 (optional)
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID  # noqa: PLC0415 (optional)

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Service Bus emulator")])
    public = key.public_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + _LIFETIME)
        # A client trusts the certificate as its own authority, so it must be one, and strict
        # verifiers (OpenSSL's X509_STRICT, on by default since Python 3.13) ask for all of these.
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(_alternative_names(names), critical=False)
    )
    return builder.sign(key, hashes.SHA256())


def _key_usage() -> x509.KeyUsage:
    from cryptography import x509  # noqa: PLC0415 (optional)

    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _alternative_names(names: Iterable[str]) -> x509.SubjectAlternativeName:
    from cryptography import x509  # noqa: PLC0415 (optional)

    alternatives: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            with contextlib.suppress(ValueError):  # a name that no certificate can carry
                alternatives.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(alternatives)
