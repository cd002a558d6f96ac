"""Proofs of who we are, for `$cbs`: shared access signatures, or tokens of Entra ID.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_azure.amqp.claims import TokenSource
    from celery_azure.connection import ServiceBusEndpoint

_SCOPE = "https://servicebus.azure.net//.default"
_LIFETIME_SECONDS = 3600


def _wall_clock() -> float:
    return time.time()  # noqa: TID251 - a token says until when it is good, in seconds since 1970


class SharedAccessTokens:
    """Signs with the key of a shared access policy."""

    is_quick = True

    def __init__(
        self,
        key_name: str,
        key: str,
        lifetime: float = _LIFETIME_SECONDS,
        clock: Callable[[], float] = _wall_clock,
    ) -> None:
        self._key_name = key_name
        self._key = key
        self._lifetime = lifetime
        self._clock = clock

    def get(self, audience: str) -> tuple[str, float]:
        """Sign a token."""
        expires_at = int(self._clock() + self._lifetime)
        resource = quote_plus(audience)
        text = f"{resource}\n{expires_at}".encode()
        digest = hmac.new(self._key.encode(), text, hashlib.sha256).digest()
        signature = quote_plus(base64.b64encode(digest))
        name = quote_plus(self._key_name)
        token = f"SharedAccessSignature sr={resource}&sig={signature}&se={expires_at}&skn={name}"
        return token, float(expires_at)


class CredentialTokens:
    """Asks a credential of `azure-identity`, which keeps tokens as long as they are good."""

    is_quick = False

    def __init__(self, make_credential: Callable[[], Any]) -> None:
        self._make_credential = make_credential
        self._credential: Any = None

    def get(self, audience: str) -> tuple[str, float]:
        """Ask for a token; the same one serves every entity."""
        del audience
        if self._credential is None:
            self._credential = self._make_credential()
        token = self._credential.get_token(_SCOPE)
        return str(token.token), float(token.expires_on)


def token_source(endpoint: ServiceBusEndpoint) -> TokenSource:
    """What signs in at an endpoint."""
    if endpoint.key is None or endpoint.key_name is None:
        return CredentialTokens(_default_credential)
    return SharedAccessTokens(endpoint.key_name, endpoint.key)


def _default_credential() -> Any:
    from azure.identity import DefaultAzureCredential  # noqa: PLC0415 - loaded where it is used

    return DefaultAzureCredential()
