"""What proves that this client may use an entity: tokens, presented through `$cbs`.

Source: AMQP Claims-based Security 1.0 (working draft), and
https://learn.microsoft.com/azure/service-bus-messaging/service-bus-amqp-protocol-guide
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from celery_azure.amqp.codec import Timestamp
from celery_azure.amqp.messages import Message


@dataclass(slots=True)
class Claim:
    """What is known of the authorization for an entity on this connection."""

    is_asked: bool = False
    is_good: bool = False
    refresh_at: float = 0.0
    retry_at: float = 0.0
    attempts: int = 0


class TokenSource(Protocol):
    """Gives tokens."""

    is_quick: bool
    """Whether `get` answers at once, without asking anybody."""

    def get(self, audience: str) -> tuple[str, float]:
        """A token for an entity's URI, and until when it is good (seconds since 1970)."""


def token_request(audience: str, token: str, expires_at: float) -> Message:
    """The request that presents a token for an entity's URI; it ends at seconds since 1970."""
    is_signature = token.startswith("SharedAccessSignature ")
    return Message(
        value=token,
        properties={
            "operation": "put-token",
            "type": "servicebus.windows.net:sastoken" if is_signature else "jwt",
            "name": audience,
            "expiration": Timestamp(int(expires_at * 1000)),
        },
    )
