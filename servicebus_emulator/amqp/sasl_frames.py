"""The SASL frames (AMQP 1.0 security 5.3.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from servicebus_emulator.plain_data import Record


@dataclass(slots=True, eq=False, repr=False)
class SaslMechanisms(Record):
    """Mechanisms that the server offers (security 5.3.3.1)."""

    mechanisms: tuple[str, ...]


@dataclass(slots=True, eq=False, repr=False)
class SaslInit(Record):
    """The client's choice (5.3.3.2)."""

    mechanism: str
    initial_response: bytes | None = field(default=None, repr=False)
    hostname: str | None = None


@dataclass(slots=True, eq=False, repr=False)
class SaslChallenge(Record):
    """A security challenge (5.3.3.3)."""

    challenge: bytes


@dataclass(slots=True, eq=False, repr=False)
class SaslResponse(Record):
    """The answer to a challenge (5.3.3.4)."""

    response: bytes = field(repr=False)


@dataclass(slots=True, eq=False, repr=False)
class SaslOutcome(Record):
    """The verdict (5.3.3.5): 0 ok, 1 wrong credentials, 2-4 system errors."""

    code: int
    additional_data: bytes | None = None
