"""What Celery's `broker_use_ssl` may say: whose certificates are trusted, and which is our own.

Source: https://docs.celeryq.dev/en/stable/userguide/configuration.html#broker-use-ssl
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, fields

_REQUIRED = (ssl.CERT_REQUIRED, "required", "CERT_REQUIRED")


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """How to speak TLS. The peer's certificate and name are verified, always.

    Attributes:
        ca_certs: A PEM file of the authorities to trust; None for those of the system.
        certfile, keyfile: PEM files of our own certificate and its key, where one is asked for.
    """

    ca_certs: str | None = None
    certfile: str | None = None
    keyfile: str | None = None

    @classmethod
    def read(cls, value: object) -> TlsSettings | None:
        """Read `broker_use_ssl`: a boolean, or a dictionary as py-amqp takes it.

        Raises:
            ValueError: It says something else, or that nothing is to be verified.
        """
        if not value:
            return None
        if value is True:
            return cls()
        if not isinstance(value, Mapping):
            raise ValueError("broker_use_ssl is neither a boolean nor a dictionary")  # noqa: TRY004
        given = dict(value)
        if given.pop("cert_reqs", ssl.CERT_REQUIRED) not in _REQUIRED:
            raise ValueError(
                "broker_use_ssl: certificates are always verified, so cert_reqs can only be "
                "ssl.CERT_REQUIRED; name the authority of a certificate of your own by ca_certs"
            )
        names = [field.name for field in fields(cls)]
        unknown = sorted(str(name) for name in given if name not in names)
        if unknown:
            raise ValueError(
                f"broker_use_ssl: {', '.join(unknown)} is not known; "
                f"what can be given is {', '.join(names)}"
            )
        return cls(**{name: str(path) for name, path in given.items() if path is not None})

    def context(self) -> ssl.SSLContext:
        """Load the files.

        Raises:
            ValueError: One of them cannot be read.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca_certs)
        except OSError as error:
            raise ValueError(f"broker_use_ssl: ca_certs {self.ca_certs!r}: {error}") from error
        if self.certfile is not None:
            try:
                context.load_cert_chain(self.certfile, self.keyfile)
            except OSError as error:
                raise ValueError(f"broker_use_ssl: certfile {self.certfile!r}: {error}") from error
        return context
