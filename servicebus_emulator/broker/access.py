"""Shared access policies: who may do what with a namespace or with one entity.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-sas
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Flag, auto

from servicebus_emulator.broker.errors import ArgumentError, QuotaExceeded
from servicebus_emulator.plain_data import Value

MOST_POLICIES = 12
"""Of the namespace, and of each entity."""
_MAX_NAME_LENGTH = 256
_MAX_KEY_LENGTH = 512


class Right(Flag):
    """What a key allows; Manage includes the others, as in Service Bus."""

    LISTEN = auto()
    SEND = auto()
    MANAGE = auto()


EVERY_RIGHT = Right.LISTEN | Right.SEND | Right.MANAGE


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AccessKey(Value):
    """A shared access policy (an authorization rule): its name, its keys and what they allow.

    Attributes:
        name: What tokens name it by.
        key: Signs tokens.
        rights: What a token of it allows.
        secondary_key: Signs as well, so that keys can be changed one after the other; empty when
            there is none.
        created_at, modified_at: Seconds since the epoch; they make no policy another one.
    """

    name: str
    key: str = field(repr=False)
    rights: Right = EVERY_RIGHT
    secondary_key: str = field(default="", repr=False)
    created_at: float = field(default=0.0, compare=False)
    modified_at: float = field(default=0.0, compare=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that tokens may be signed with."""
        return (self.key, self.secondary_key) if self.secondary_key else (self.key,)

    def validate(self) -> None:
        """Check name, keys and rights.

        Raises:
            ArgumentError: One breaks a rule; the text holds no key.
        """
        if not 0 < len(self.name) <= _MAX_NAME_LENGTH:
            raise ArgumentError(
                f"The name of an authorization rule has 1 to {_MAX_NAME_LENGTH} characters."
            )
        if not self.key or any(len(key) > _MAX_KEY_LENGTH for key in self.keys):
            raise ArgumentError(
                f"The keys of the authorization rule '{self.name}' have 1 to {_MAX_KEY_LENGTH} "
                "characters."
            )
        if not self.rights:
            raise ArgumentError(f"The authorization rule '{self.name}' grants no right.")
        if Right.MANAGE in self.rights and self.rights != EVERY_RIGHT:
            raise ArgumentError("Manage permission should also include Send and Listen.")


def check_policies(policies: tuple[AccessKey, ...]) -> None:
    """Check the policies of a namespace or an entity, each alone and all together.

    Raises:
        ArgumentError: One breaks a rule, or two have the same name.
        QuotaExceeded: There are too many.
    """
    for policy in policies:
        policy.validate()
    if len({policy.name for policy in policies}) < len(policies):
        raise ArgumentError("The key names of authorization rules must be unique.")
    if len(policies) > MOST_POLICIES:
        raise QuotaExceeded(f"There are at most {MOST_POLICIES} authorization rules.")
