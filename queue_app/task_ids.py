"""Task ids that say of themselves that they were issued here, and when.

An id is a UUID of version 4 whose 122 free bits are, from the left: 66 random ones, 32 for the time
of issue in seconds, and a check of 24 that depends on the others and on the realm. So the API can
tell a task that waits from an id that nobody issued without a write at each enqueue and without
reading through a queue. The check is no secret and no proof: whoever forges it learns "queued".

The random bits come first, so that the blobs of neighbouring tasks do not share a prefix: Blob
Storage divides its load by prefixes.
"""

import hashlib
import re
import secrets
from collections.abc import Callable

_RANDOM_BITS = 66
_RANDOM_BYTES = 9
_SPARE_BITS = 8 * _RANDOM_BYTES - _RANDOM_BITS
_TIME_BITS = 32
_CHECK_BITS = 24
_UNCHECKED_BYTES = 13  # 66 + 32 bits, rounded up

_UUID4 = re.compile(
    r"([0-9a-f]{8})-([0-9a-f]{4})-4([0-9a-f]{3})-([89ab][0-9a-f]{3})-([0-9a-f]{12})"
)


class TaskIds:
    """Issues ids for one realm and recognises them.

    Args:
        realm: what the tasks belong to, the same for all processes that serve it: a namespace, a
            queue and a container.
        now: the time, in seconds since 1970.
    """

    def __init__(self, realm: str, now: Callable[[], float]) -> None:
        key = hashlib.blake2b(realm.encode(), digest_size=32).digest()
        self._keyed = hashlib.blake2b(digest_size=_CHECK_BITS // 8, key=key)
        self._now = now

    def new(self) -> str:
        """Issue an id: a UUID of version 4 (RFC 9562), in lower case with hyphens."""
        seconds = int(self._now()) & ((1 << _TIME_BITS) - 1)
        random = int.from_bytes(secrets.token_bytes(_RANDOM_BYTES), "big") >> _SPARE_BITS
        unchecked = random << _TIME_BITS | seconds
        bits = unchecked << _CHECK_BITS | self._check(unchecked)
        # 60 bits before the variant, whose two bits are 10, and 62 behind it.
        head = f"{bits >> 62:015x}"
        tail = f"{bits & ((1 << 62) - 1) | 1 << 63:016x}"
        return f"{head[:8]}-{head[8:12]}-4{head[12:]}-{tail[:4]}-{tail[4:]}"

    def issued_at(self, task_id: str) -> float | None:
        """When the id was issued, in seconds since 1970; None when it was not issued here.

        One of sixteen million ids that others make up is taken for one of ours.
        """
        match = _UUID4.fullmatch(task_id)
        if match is None:
            return None
        first, second, third, fourth, fifth = match.groups()
        head = int(first + second + third, 16)
        tail = int(fourth + fifth, 16) & ((1 << 62) - 1)
        bits = head << 62 | tail
        unchecked = bits >> _CHECK_BITS
        if bits & ((1 << _CHECK_BITS) - 1) != self._check(unchecked):
            return None
        return float(unchecked & ((1 << _TIME_BITS) - 1))

    def _check(self, unchecked: int) -> int:
        hasher = self._keyed.copy()  # less work than to make another
        hasher.update(unchecked.to_bytes(_UNCHECKED_BYTES, "big"))
        return int.from_bytes(hasher.digest(), "big")
