"""Serial numbers of 32 bits (RFC 1982, AMQP 1.0 transport 2.5.1): counters that wrap around."""

from __future__ import annotations

from typing import Final

SERIAL_MASK: Final = 0xFFFFFFFF
_HALF = 0x80000000


def serial_distance(start: int, end: int) -> int:
    """Return how far `end` is ahead of `start`; negative when it is behind."""
    distance = (end - start) & SERIAL_MASK
    return distance if distance < _HALF else distance - SERIAL_MASK - 1
