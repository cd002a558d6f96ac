"""Where Service Bus and Blob Storage are, how to identify there, and clients for both.

An endpoint is in the cloud (TLS, port 5671, https), or an emulator (plain AMQP and plain http,
unless TLS is asked for).
Importing this module loads no client library; making a client does.
"""

from __future__ import annotations

import base64
import logging
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusClient
    from azure.servicebus.management import ServiceBusAdministrationClient
    from azure.storage.blob import BlobServiceClient

    from celery_azure.tls import TlsSettings

CLOUD_SUFFIX = ".servicebus.windows.net"

# The SDK logs requests and answers with all headers at INFO, as workers do their tasks.
_REQUESTS = logging.getLogger("celery_azure.requests")
_REQUESTS.setLevel(logging.WARNING)

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]", re.ASCII)
_MAX_PORT = 65_535
_EMULATOR_PORT = 5672
"""Where an emulator speaks whose connection string has no port."""


@dataclass(frozen=True, slots=True)
class ServiceBusEndpoint:
    """A Service Bus namespace.

    Attributes:
        host: The fully qualified name.
        port: The AMQP port of an emulator; None in the cloud.
        admin_port: The port of an emulator's admin API; None when it is the AMQP port.
        key_name, key: A shared access policy; None for `DefaultAzureCredential`.
        tls: How to speak TLS; None for the system's authorities in the cloud, and for no TLS with
            an emulator.
    """

    host: str
    port: int | None = None
    admin_port: int | None = None
    key_name: str | None = None
    key: str | None = field(default=None, repr=False)
    tls: TlsSettings | None = None

    @classmethod
    def parse(
        cls,
        namespace: str,
        *,
        key_name: str | None = None,
        key: str | None = None,
        admin_port: int | None = None,
        tls: TlsSettings | None = None,
    ) -> ServiceBusEndpoint:
        """Read `my-namespace`, `my-namespace.servicebus.windows.net`, or an emulator's `host:port`.

        Raises:
            ValueError: It is none of these, or an emulator without a key; the text has no secret.
        """
        host, colon, port_text = namespace.rpartition(":")
        if not colon or namespace.endswith("]"):
            host, colon, port_text = namespace, "", ""
        if not _HOST.fullmatch(host):
            raise ValueError(
                "the namespace is none of my-namespace, my-namespace.servicebus.windows.net, and "
                "an emulator's host:port"
            )
        if not colon:
            qualified = host if "." in host else host + CLOUD_SUFFIX
            return cls(qualified, key_name=key_name, key=key, tls=tls)
        port = int(port_text) if re.fullmatch("[0-9]{1,5}", port_text) else 0
        if not 0 < port <= _MAX_PORT:
            raise ValueError("the port of the namespace is not a number from 1 to 65535")
        if key_name is None or key is None:
            raise ValueError(
                "the namespace is an emulator's host:port, which needs a key name and a key"
            )
        return cls(host, port, admin_port, key_name, key, tls)

    @classmethod
    def from_connection_string(cls, value: str) -> ServiceBusEndpoint:
        """Read a connection string, as the portal shows it and the emulators print it.

        Raises:
            ValueError: It is none, or has no key; the text has no secret.
        """
        settings = read_pairs(value) or {}
        place = settings.get("endpoint", "")
        key_name, key = settings.get("sharedaccesskeyname"), settings.get("sharedaccesskey")
        if not place.startswith("sb://") or not key_name or not key:
            raise ValueError(
                "the connection string of the namespace has not all of Endpoint=sb://…, "
                "SharedAccessKeyName and SharedAccessKey"
            )
        namespace = place.removeprefix("sb://").rstrip("/")
        is_emulator = settings.get("usedevelopmentemulator", "").lower() == "true"
        if is_emulator and not re.search(":[0-9]+$", namespace):
            namespace += f":{_EMULATOR_PORT}"
        return cls.parse(namespace, key_name=key_name, key=key)

    @property
    def is_emulator(self) -> bool:
        """Whether it has a port of its own, and speaks no TLS unless that is asked for."""
        return self.port is not None

    @property
    def broker_url(self) -> str:
        """What to set as Celery's `broker_url`, together with `broker_transport`."""
        identity = ""
        if self.key_name is not None and self.key is not None:
            identity = f"{quote(self.key_name, safe='')}:{quote(self.key, safe='')}@"
        port = f":{self.port}" if self.is_emulator else ""
        return f"azureservicebus://{identity}{self.host}{port}"

    def client(self, **options: Any) -> ServiceBusClient:
        """Make a client for messages; `options` are those of `ServiceBusClient`."""
        from azure.servicebus import ServiceBusClient  # noqa: PLC0415 (see the module's docstring)

        if self.key is None:
            return ServiceBusClient(self.host, _default_credential(), **options)
        return ServiceBusClient.from_connection_string(
            self._connection_string(self.port), **options
        )

    def administration_client(self, **options: Any) -> ServiceBusAdministrationClient:
        """Make a client for what needs the Manage right; `options` are those of the SDK's client.

        An emulator answers or is not there, so nothing is tried twice with one.
        """
        from azure.servicebus.management import (  # noqa: PLC0415
            ServiceBusAdministrationClient,
        )

        options = {**self._verification(), "logger": _REQUESTS, **options}
        if self.key is None:
            return ServiceBusAdministrationClient(self.host, _default_credential(), **options)
        if not self.is_emulator:
            return ServiceBusAdministrationClient.from_connection_string(
                self._connection_string(None), **options
            )
        if self.tls is not None:
            return ServiceBusAdministrationClient.from_connection_string(
                self._connection_string(self.admin_port or self.port), **options, retry_total=0
            )
        from celery_azure.plain_http import PlainHttpTransport  # noqa: PLC0415

        return ServiceBusAdministrationClient.from_connection_string(
            self._connection_string(self.admin_port or self.port),
            transport=PlainHttpTransport(),
            logger=_REQUESTS,
            retry_total=0,
        )

    def _verification(self) -> dict[str, Any]:
        """How the SDK is told what `tls` says."""
        if self.tls is None:
            return {}
        told: dict[str, Any] = {}
        if self.tls.ca_certs is not None:
            told["connection_verify"] = self.tls.ca_certs
        if self.tls.certfile is not None:
            told["connection_cert"] = (self.tls.certfile, self.tls.keyfile or self.tls.certfile)
        return told

    def _connection_string(self, port: int | None) -> str:
        address = self.host if port is None else f"{self.host}:{port}"
        emulator = "UseDevelopmentEmulator=true;" if self.is_emulator else ""
        return (
            f"Endpoint=sb://{address};SharedAccessKeyName={self.key_name};"
            f"SharedAccessKey={self.key};{emulator}"
        )


@dataclass(frozen=True, slots=True)
class BlobAccount:
    """A storage account: a connection string, or a URL for `DefaultAzureCredential`."""

    connection_string: str | None = field(default=None, repr=False)
    account_url: str | None = None

    def client(self, **options: Any) -> BlobServiceClient:
        """Make a client; `options` are those of `BlobServiceClient`."""
        from azure.storage.blob import BlobServiceClient  # noqa: PLC0415

        if self.connection_string is not None:
            return BlobServiceClient.from_connection_string(self.connection_string, **options)
        return BlobServiceClient(str(self.account_url), _default_credential(), **options)


def parse_blob_account(value: str) -> BlobAccount:
    """Read a storage account's connection string, or its `https://` URL.

    Raises:
        ValueError: It is neither; the text has no secret.
    """
    if value.startswith(("https://", "http://")):
        url = urlsplit(value)
        if not url.hostname or url.query or url.username:
            raise ValueError(
                "the URL of the storage account is not like https://account.blob.core.windows.net"
            )
        return BlobAccount(account_url=value)
    settings = read_pairs(value)
    if settings is None:
        raise ValueError(
            "the storage account is neither a connection string (Name=value pairs with ; "
            "between) nor an https:// URL"
        )
    has_place = "accountname" in settings or "blobendpoint" in settings
    has_secret = "accountkey" in settings or "sharedaccesssignature" in settings
    if settings.get("usedevelopmentstorage", "").lower() != "true" and not (
        has_place and has_secret
    ):
        raise ValueError(
            "the storage account's connection string has neither AccountName and AccountKey, nor "
            "BlobEndpoint and SharedAccessSignature"
        )
    try:
        base64.b64decode(settings.get("accountkey", ""), validate=True)
    except ValueError:
        raise ValueError("the AccountKey of the storage account is not base64") from None
    return BlobAccount(connection_string=value)


def read_pairs(connection_string: str) -> dict[str, str] | None:
    """Read `Name=value;Name=value`: the values by their names in lower case.

    None when a part is no such pair.
    """
    pairs: dict[str, str] = {}
    for part in connection_string.strip().strip(";").split(";"):
        name, _, value = part.partition("=")
        if not value:
            return None
        pairs[name.strip().lower()] = value.strip()
    return pairs


def _default_credential() -> Any:
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415

    return DefaultAzureCredential()
