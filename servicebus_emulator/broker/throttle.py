"""Operations in a second, of which a namespace has only so many.

Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-throttling
"""

from __future__ import annotations

from typing import Final

from servicebus_emulator.broker.errors import ServerBusy

MANAGEMENT_COST: Final = 10
"""Credits of an operation on entities or rules; one that concerns messages takes one for each."""


class Throttle:
    """Credits that are given at the start of each second, and gone at its end.

    Args:
        credits_per_second: How many.
    """

    __slots__ = ("_credits", "_second", "_used")

    def __init__(self, credits_per_second: int) -> None:
        self._credits = credits_per_second
        self._second = 0
        self._used = 0

    def admit(self, cost: int, now: float) -> None:
        """Spend credits; an operation that begins while there are some may take more than those.

        Raises:
            ServerBusy: There are none left in this second.
        """
        self._begin(now)
        if self._used >= self._credits:
            raise ServerBusy
        self._used += cost

    def note(self, cost: int, now: float) -> None:
        """Spend credits on what is done in any case."""
        self._begin(now)
        self._used += cost

    def _begin(self, now: float) -> None:
        second = int(now)
        if second != self._second:
            self._second, self._used = second, 0
