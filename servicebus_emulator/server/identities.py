"""Identities for locks, transactions and messages: each message costs one.

They have to be different, and nobody has to be unable to guess them, so that they need not come
from the system's source of secrets, as those of `uuid.uuid4` do.
"""

from random import Random
from uuid import UUID

_random_bits = Random().getrandbits  # noqa: S311 (no secrets)
_VERSION_AND_VARIANT = 0xF000 << 64 | 0xC000 << 48
_VERSION_4 = 0x4000 << 64 | 0x8000 << 48


def new_id() -> UUID:
    """A random identity, of version 4 as RFC 9562 has it."""
    return UUID(int=_random_bits(128) & ~_VERSION_AND_VARIANT | _VERSION_4)
