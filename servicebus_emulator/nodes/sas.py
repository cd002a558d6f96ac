"""Shared access signatures: who may do what, until when.

A token reads `SharedAccessSignature sr=<resource>&sig=<signature>&se=<expiry>&skn=<key name>`; the
signature is the base64 HMAC-SHA256, under the key, of the resource exactly as it stands in the
token (url-encoded), a line feed and the expiry in seconds since the epoch.
Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from servicebus_emulator.broker.access import AccessKey
from servicebus_emulator.nodes.address import entity_path, is_at_or_below
from servicebus_emulator.plain_data import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from servicebus_emulator.broker.access import Right
    from servicebus_emulator.broker.namespace import Namespace

_SCHEME = "SharedAccessSignature "
_FIELDS = ("sr", "sig", "se", "skn")
_LONGEST_EXPIRY = 12  # digits; more is not a time


class InvalidTokenError(Exception):
    """The token proves nothing; the text says why and holds no secret."""


ROOT_KEY = AccessKey("RootManageSharedAccessKey", "SAS_KEY_VALUE")
"""The policy that the official emulator has, with the key that its documentation prints."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Claim(Value):
    """What somebody has proved: these rights, on this path and below it, until then."""

    path: str
    rights: Right
    expires_at: float = float("inf")

    def allows(self, path: str, right: Right, now: float) -> bool:
        """Whether the claim grants `right` on the entity `path` at `now` (seconds since 1970)."""
        return (
            now < self.expires_at and right in self.rights and is_at_or_below(path, root=self.path)
        )


class KeyRing:
    """The access policies of a namespace and its entities, against which tokens are checked.

    Args:
        keys: The namespace's policies; with `namespace` they become its own, but for those that it
            has already: they were saved.
        namespace: Where policies are administered, and entities have some of their own.

    Raises:
        ValueError: No key is given.
    """

    def __init__(
        self, keys: Iterable[AccessKey] = (ROOT_KEY,), namespace: Namespace | None = None
    ) -> None:
        self._keys = {key.name: key for key in keys}
        if not self._keys:
            raise ValueError("a namespace needs at least one access key")
        self._namespace = namespace
        if namespace is not None:
            saved = dict(namespace.access_keys)
            namespace.access_keys.clear()
            namespace.access_keys.update(self._keys | saved)
            self._keys = namespace.access_keys

    @property
    def first(self) -> AccessKey:
        """The key that connection strings are written with."""
        return next(iter(self._keys.values()))

    def claim_of_token(self, token: str, audience: str, now: float) -> Claim:
        """Check a token that was presented for `audience`.

        Args:
            token: The whole text, `SharedAccessSignature sr=…`.
            audience: The resource that the bearer asks for: a URL or a path.
            now: Seconds since the epoch by the clock that tokens are minted with.

        Raises:
            InvalidTokenError: It is malformed, expired, signed with another key, or not for this.
        """
        parts = _parse(token)
        resource = _resource_path(unquote_plus(parts["sr"]), audience)
        known = self._named(unquote_plus(parts["skn"]), resource)
        policy = next((each for each in known if _is_signed_by(each, parts)), None)
        if policy is None:
            raise InvalidTokenError("InvalidSignature: the token has an invalid signature.")
        expires_at = float(parts["se"])
        if expires_at <= now:
            expired = datetime.fromtimestamp(expires_at, UTC).replace(tzinfo=None)
            raise InvalidTokenError(
                "ExpiredToken: The token is expired. "
                f"Expiration time: '{expired.isoformat(timespec='milliseconds')}Z'."
            )
        if not is_at_or_below(entity_path(audience), root=resource):
            raise InvalidTokenError("InvalidAudience: the token is not for this resource.")
        return Claim(resource, policy.rights, expires_at)

    def claim_of_password(self, name: str, password: str) -> Claim:
        """Check a key given as it is (SASL PLAIN: the name and key of a namespace's policy).

        Raises:
            InvalidTokenError: There is no such key.
        """
        policy = self._keys.get(name)
        keys = () if policy is None else policy.keys
        if policy is None or not any(_is_same(key, password) for key in keys):
            raise InvalidTokenError("There is no access key of this name with this value.")
        return Claim("", policy.rights)

    def _named(self, name: str, resource: str) -> Iterator[AccessKey]:
        """The policies of that name that count for a resource: the namespace's, the entity's."""
        if name in self._keys:
            yield self._keys[name]
        if self._namespace is not None:
            for policy in self._namespace.policies_at(resource):
                if policy.name == name:
                    yield policy


def sign(resource: str, expiry: str, key: str) -> bytes:
    """The signature, in base64, of a url-encoded resource and the digits of an expiry."""
    # Imported for the first token: OpenSSL's functions take long to load.
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    digest = hmac.new(key.encode(), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest)


def _parse(token: str) -> dict[str, str]:
    """The four fields, still url-encoded."""
    if not token.startswith(_SCHEME):
        raise InvalidTokenError("MalformedToken: only SharedAccessSignature tokens are understood.")
    pairs = (part.partition("=") for part in token[len(_SCHEME) :].strip().split("&"))
    parts = {name: value for name, _, value in pairs}
    missing = [name for name in _FIELDS if not parts.get(name)]
    if missing:
        raise InvalidTokenError(f"MalformedToken: the token has no {', '.join(missing)}.")
    expiry = parts["se"]
    if not (expiry.isascii() and expiry.isdigit() and len(expiry) <= _LONGEST_EXPIRY):
        raise InvalidTokenError("MalformedToken: se is not a number of seconds.")
    return parts


def _resource_path(resource: str, audience: str) -> str:
    """The path in what a token is for, where the SDK for Go leaves out the scheme before a host."""
    host = audience.partition("://")[2].partition("/")[0]
    first, _, rest = resource.strip("/").partition("/")
    return rest if host and first.casefold() == host.casefold() else entity_path(resource)


def _is_signed_by(policy: AccessKey, parts: dict[str, str]) -> bool:
    signature = unquote_plus(parts["sig"])
    signed = (sign(parts["sr"], parts["se"], key) for key in policy.keys)
    return any(_is_same(expected.decode(), signature) for expected in signed)


def _is_same(expected: str, given: str) -> bool:
    """Compare in a time that tells nothing."""
    import hmac  # noqa: PLC0415 (see `sign`)

    return hmac.compare_digest(expected.encode(), given.encode())
