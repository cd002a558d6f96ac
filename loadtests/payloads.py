"""How large the payloads of a load test are: mostly small, some large, a few by claim-check."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES: Sequence[tuple[int, float]] = (
    (200, 0.60),
    (2_000, 0.25),
    (20_000, 0.10),
    (120_000, 0.04),
    (250_000, 0.01),
)
"""Bytes of a request body, and the share of requests that have so many."""

_OVERHEAD = len('{"text":""}')


def body_of(size: int) -> bytes:
    """A JSON object of exactly so many bytes."""
    return json.dumps({"text": "x" * (size - _OVERHEAD)}, separators=(",", ":")).encode()


class Payloads:
    """Bodies in the proportions of a distribution, made beforehand.

    Args:
        sizes: Bytes and share, as `SIZES`.
        seed: For the order in which they come.
    """

    def __init__(self, sizes: Sequence[tuple[int, float]] = SIZES, seed: int = 0) -> None:
        self._bodies = [body_of(size) for size, _ in sizes]
        self._shares = [share for _, share in sizes]
        self._random = random.Random(seed)  # noqa: S311 - sizes are no secret

    def next(self) -> bytes:
        """Draw a body."""
        return self._random.choices(self._bodies, self._shares)[0]
