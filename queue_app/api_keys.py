"""API keys: who may do what. Settings hold a digest of each key, never the key.

A setting is `<name>:<scopes>:<sha256>`, several of them separated by spaces or commas; scopes are
joined by `+`. Keys are long and random, so that one round of SHA-256 is enough. Two keys of one
name are how a key is replaced: both work until the old one is removed.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass

SCOPES = ("enqueue", "read", "admin")
"""enqueue: send and cancel jobs. read: status, tasks, logs, metrics. admin: dead letters."""

_ENTRY = re.compile(r"([A-Za-z0-9_.-]{1,64}):([a-z+]+):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever holds a key: a name for logs and limits, and what it may do."""

    name: str
    scopes: frozenset[str]


class ApiKeys:
    """The keys that are accepted; none means that everybody may do everything."""

    def __init__(self, callers: dict[str, Caller]) -> None:
        self._callers = callers

    def __bool__(self) -> bool:
        return bool(self._callers)

    @classmethod
    def parse(cls, text: str) -> "ApiKeys":
        """Read the setting.

        Raises:
            ValueError: it is malformed; the text holds no digest.
        """
        callers: dict[str, Caller] = {}
        for number, entry in enumerate(text.replace(",", " ").split(), start=1):
            match = _ENTRY.fullmatch(entry)
            scopes = frozenset(match[2].split("+")) if match else frozenset[str]()
            if match is None or not scopes <= set(SCOPES):
                raise ValueError(
                    f"has a malformed entry ({number}): name:scopes:sha256 is expected, with "
                    f"scopes of {', '.join(SCOPES)} joined by +"
                )
            callers[match[3]] = Caller(match[1], scopes)
        return cls(callers)

    def caller(self, key: str) -> Caller | None:
        """Who holds the key; None when nobody does.

        Digests are looked up, not compared character by character: how long that takes tells
        nothing about a key.
        """
        return self._callers.get(digest_of(key))


def new_key() -> str:
    """A new key of 256 random bits."""
    return "qk_" + secrets.token_urlsafe(32)


def digest_of(key: str) -> str:
    """What the setting holds of a key."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
