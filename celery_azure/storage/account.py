"""Where an account's blobs are, and how a request becomes the bytes that are sent there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode, urlsplit

from celery_azure.connection import read_pairs
from celery_azure.storage.signing import BearerToken, SharedAccessSignature, SharedKey

if TYPE_CHECKING:
    from celery_azure.connection import BlobAccount
    from celery_azure.storage.messages import Request
    from celery_azure.storage.signing import Credential

API_VERSION = "2023-11-03"
"""The version of the REST API that every request asks for."""

_DEVELOPMENT_URL = "http://127.0.0.1:10000/devstoreaccount1"
_DEVELOPMENT_NAME = "devstoreaccount1"
# Azurite's documented key; it protects nothing:
_DEVELOPMENT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


@dataclass(frozen=True, slots=True)
class StorageAccount:
    """One account's Blob service.

    Attributes:
        root: The path in front of every container: empty in the cloud, `/account` at Azurite.
    """

    host: str
    port: int
    is_tls: bool
    root: str
    credential: Credential

    @classmethod
    def of(cls, account: BlobAccount) -> StorageAccount:
        """Read what the settings say.

        Raises:
            ValueError: A part of the connection string is malformed; the text has no secret.
        """
        if account.connection_string is None:
            from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - loaded when used

            return cls._at(str(account.account_url), BearerToken(DefaultAzureCredential()))
        return cls._from_settings(read_pairs(account.connection_string) or {})

    @classmethod
    def _from_settings(cls, settings: dict[str, str]) -> StorageAccount:
        if settings.get("usedevelopmentstorage", "").lower() == "true":
            key = SharedKey.parse(_DEVELOPMENT_NAME, _DEVELOPMENT_KEY)
            return cls._at(_DEVELOPMENT_URL, key)
        name = settings.get("accountname", "")
        url = settings.get("blobendpoint")
        if url is None:
            protocol = settings.get("defaultendpointsprotocol", "https")
            suffix = settings.get("endpointsuffix", "core.windows.net")
            url = f"{protocol}://{name}.blob.{suffix}"
        if (signature := settings.get("sharedaccesssignature")) is not None:
            return cls._at(url, SharedAccessSignature(signature.lstrip("?")))
        # Where the endpoint alone is given, its host begins with the name.
        name = name or (urlsplit(url).hostname or "").partition(".")[0]
        return cls._at(url, SharedKey.parse(name, settings.get("accountkey", "")))

    @classmethod
    def _at(cls, url: str, credential: Credential) -> StorageAccount:
        parts = urlsplit(url)
        is_tls = parts.scheme == "https"
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the blob endpoint of the storage account is not a URL")
        port = parts.port or (443 if is_tls else 80)
        return cls(parts.hostname, port, is_tls, parts.path.rstrip("/"), credential)

    @property
    def url(self) -> str:
        """Where the containers are, without secrets."""
        return f"{'https' if self.is_tls else 'http'}://{self._authority}{self.root}"

    @property
    def _authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port in (80, 443) else f"{host}:{self.port}"

    def render(self, request: Request, date: str) -> bytes:
        """Write a request as it is sent, signed.

        Args:
            request: What is asked.
            date: Now, as HTTP writes it (RFC 9110, section 5.6.7).
        """
        headers = {**request.headers, "x-ms-date": date, "x-ms-version": API_VERSION}
        if request.body or request.method == "PUT":
            headers["content-length"] = str(len(request.body))
        path = self.root + request.path
        credential = self.credential
        authorization = credential.authorization(request.method, path, request.query, headers)
        query = urlencode(request.query, quote_via=quote) if request.query else ""
        if credential.query:
            query = f"{query}&{credential.query}" if query else credential.query
        target = f"{path}?{query}" if query else path
        lines = [f"{request.method} {target} HTTP/1.1", f"host: {self._authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if authorization is not None:
            lines.append(f"authorization: {authorization}")
        lines.append("\r\n")
        return "\r\n".join(lines).encode("latin-1") + request.body


@lru_cache(maxsize=16)
def storage_account(account: BlobAccount) -> StorageAccount:
    """Give the account that settings mean: one for all who ask, so that they share tokens.

    Raises:
        ValueError: A part of the connection string is malformed; the text has no secret.
    """
    return StorageAccount.of(account)
