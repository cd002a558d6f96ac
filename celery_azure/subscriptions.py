"""What exchanges and the queues bound to them are on Service Bus: topics, subscriptions and rules.

A topic copies each message to every subscription that has a rule for it. The routing key travels
as an application property, because rules see those and no body.
Limits: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-quotas
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

ROUTING_KEY = "celery_routing_key"
"""The application property of the routing key; rules know it by this name."""

EVERYTHING = "#"
LONGEST_TOPIC_NAME, LONGEST_NAME = 260, 50
"""The former is the longest of queues, too."""

SHORTEST_IDLE_SECONDS = 300.0
"""The least that AutoDeleteOnIdle may be."""

_ILLEGAL = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)
_ILLEGAL_IN_TOPICS = re.compile(r"[^A-Za-z0-9._/-]", re.ASCII)
_ENDS = re.compile(r"^[A-Za-z0-9](.*[A-Za-z0-9])?$", re.ASCII)
_HASH_BYTES = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """Which messages a subscription takes.

    Attributes:
        key: A routing key, or a pattern of kombu: `*` is a word, `#` any number of them.
        is_pattern: Whether `*` and `#` mean something in it.
    """

    key: str
    is_pattern: bool

    @property
    def name(self) -> str:
        """A legal name, different for different rules."""
        return legal_name(f"{'like' if self.is_pattern else 'is'}.{self.key}", LONGEST_NAME)

    @property
    def sql(self) -> str | None:
        """The condition of a pattern, in SQL; None when the key is to be equal.

        SQL has no sign for a word, so that it lets more through than `*` does.
        """
        if not self.is_pattern or not re.search("[*#]", self.key):
            return None
        escaped = re.sub(r"([%_\\])", r"\\\1", self.key).replace("'", "''")
        pattern = re.sub("[*#]", "%", escaped)
        return rf"{ROUTING_KEY} LIKE '{pattern}' ESCAPE '\'"


TAKES_ALL = Rule(EVERYTHING, is_pattern=True)
"""The rule that every new subscription has."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription, as it is to be.

    Attributes:
        is_temporary: It belongs to whoever declares it, and goes when nobody uses it any more.
        idle_seconds: After how long without use it goes; it is temporary then.
        ttl_seconds: For how long it keeps a message; None for ever.
    """

    topic: str
    name: str
    is_temporary: bool = True
    idle_seconds: float = SHORTEST_IDLE_SECONDS
    ttl_seconds: float | None = None
    rules: frozenset[Rule] = field(default_factory=frozenset)

    @property
    def path(self) -> str:
        """The address to receive from."""
        return f"{self.topic}/Subscriptions/{self.name}"


def queue_name(queue: str) -> str:
    """The queue of a name: what a name cannot have becomes `_`, as with kombu's own transport.

    What is no name even then (it begins or ends with a sign, or is too long) gets a hash.
    """
    name = _ILLEGAL_IN_TOPICS.sub("_", queue)
    is_legal = len(name) <= LONGEST_TOPIC_NAME and _ENDS.search(name) and "//" not in name
    return name if is_legal else legal_name(queue, LONGEST_TOPIC_NAME, _ILLEGAL_IN_TOPICS)


def topic_name(exchange: str) -> str:
    """The topic of an exchange."""
    return legal_name(exchange, LONGEST_TOPIC_NAME, _ILLEGAL_IN_TOPICS)


def subscription_name(queue: str) -> str:
    """The subscription of a queue."""
    return legal_name(queue, LONGEST_NAME)


def legal_name(name: str, longest: int, illegal: re.Pattern[str] = _ILLEGAL) -> str:
    """The name itself where it is legal; else what is left of it, and a hash of it."""
    kept = re.sub("/{2,}", "/", illegal.sub("_", name)).strip("._/-")
    if kept == name and len(name) <= longest:
        return name
    mark = hashlib.blake2b(name.encode(), digest_size=_HASH_BYTES).hexdigest()
    start = kept[: longest - len(mark) - 1].rstrip("._/-")
    return f"{start}-{mark}" if start else mark
