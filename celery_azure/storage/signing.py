"""How a request proves who sends it: shared key, shared access signature, or a bearer token.

Source: https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SCOPE = "https://storage.azure.com/.default"
_RENEW_BEFORE_SECONDS = 300

_SIGNED_HEADERS = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)


class Credential(Protocol):
    """Whatever can authorize a request."""

    @property
    def query(self) -> str:
        """What every URL ends with, encoded; empty for none."""

    def is_stale(self, now: float) -> bool:
        """Whether `refresh` must be called before the next request (`now`: seconds, Unix time)."""

    def refresh(self) -> None:
        """Get what is needed from elsewhere; blocks.

        Raises:
            AzureError: It could not be had.
        """

    def authorization(
        self,
        method: str,
        path: str,
        query: Iterable[tuple[str, str]],
        headers: Mapping[str, str],
    ) -> str | None:
        """Give the value of the `Authorization` header, or None."""


def string_to_sign(
    account: str,
    method: str,
    path: str,
    query: Iterable[tuple[str, str]],
    headers: Mapping[str, str],
) -> str:
    """Write what a shared key signs (version 2009-09-19 and later, without a zero length).

    Args:
        account: The account's name.
        method: The verb.
        path: The URL's path as it is sent, percent-encoded.
        query: Names and values, not encoded; every name once.
        headers: By lower-case name, `content-length` included.
    """
    lines = [method]
    lines += [headers.get(name, "") for name in _SIGNED_HEADERS]
    if lines[3] == "0":
        lines[3] = ""
    lines += [f"{name}:{headers[name]}" for name in sorted(headers) if name.startswith("x-ms-")]
    lines.append(f"/{account}{path}")
    lines += [f"{name.lower()}:{value}" for name, value in sorted(query)]
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class SharedKey:
    """An account's key."""

    account: str
    key: bytes = field(repr=False)
    query: str = ""

    @classmethod
    def parse(cls, account: str, key: str) -> SharedKey:
        """Read the key as a connection string has it, in base64.

        Raises:
            ValueError: It is not base64; the text has no secret.
        """
        try:
            return cls(account, base64.b64decode(key, validate=True))
        except ValueError:
            raise ValueError("the AccountKey of the storage account is not base64") from None

    def is_stale(self, now: float) -> bool:
        """Never."""
        del now
        return False

    def refresh(self) -> None:
        """Nothing to do."""

    def authorization(
        self, method: str, path: str, query: Iterable[tuple[str, str]], headers: Mapping[str, str]
    ) -> str:
        """Sign the request."""
        text = string_to_sign(self.account, method, path, query, headers)
        # `hmac.digest` would let another thread have the interpreter for as long as it likes.
        digest = hmac.new(self.key, text.encode(), hashlib.sha256).digest()
        signature = base64.b64encode(digest)
        return f"SharedKey {self.account}:{signature.decode()}"


@dataclass(frozen=True, slots=True)
class SharedAccessSignature:
    """A signature that somebody else made: it is part of every URL."""

    query: str = field(repr=False)

    def is_stale(self, now: float) -> bool:
        """Never: nobody here could renew it."""
        del now
        return False

    def refresh(self) -> None:
        """Nothing to do."""

    def authorization(self, *_: object) -> None:
        """Nothing beside the URL."""


class TokenSource(Protocol):
    """What `azure.identity` calls a credential."""

    def get_token(self, *scopes: str) -> Token:
        """Get a token; blocks."""


class Token(Protocol):
    """A token, and when it ends (Unix time)."""

    @property
    def token(self) -> str:
        """The secret text."""

    @property
    def expires_on(self) -> int:
        """Seconds, Unix time."""


class BearerToken:
    """Tokens of Entra ID, renewed five minutes before they end."""

    query = ""

    def __init__(self, source: TokenSource) -> None:
        self._source = source
        self._token: Token | None = None

    def is_stale(self, now: float) -> bool:
        """Whether there is no token yet, or one that ends soon."""
        return self._token is None or now > self._token.expires_on - _RENEW_BEFORE_SECONDS

    def refresh(self) -> None:
        """Ask for a token."""
        self._token = self._source.get_token(_SCOPE)

    def authorization(self, *_: object) -> str | None:
        """Show the token."""
        return None if self._token is None else f"Bearer {self._token.token}"
