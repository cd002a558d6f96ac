"""Deliveries whose fate is open: what dispositions are about (AMQP 1.0 transport 2.6.12)."""

from __future__ import annotations

from typing import Generic, TypeVar

from servicebus_emulator.amqp.serial import SERIAL_MASK, serial_distance

L = TypeVar("L")


class Unsettled(Generic[L]):
    """Unsettled deliveries of one direction of a session, by delivery-id."""

    __slots__ = ("_deliveries",)

    def __init__(self) -> None:
        self._deliveries: dict[int, tuple[L, bytes]] = {}

    def add(self, delivery_id: int, link: L, tag: bytes) -> None:
        """Remember a delivery of `link`."""
        self._deliveries[delivery_id] = (link, tag)

    def get(self, delivery_id: int, *, forget: bool) -> tuple[L, bytes]:
        """Return link and tag of a known delivery."""
        if forget:
            return self._deliveries.pop(delivery_id)
        return self._deliveries[delivery_id]

    def take(self, first: int, last: int, *, forget: bool) -> dict[L, dict[int, bytes]]:
        """Return the known deliveries from `first` to `last`: by link, the tag of each."""
        if first == last and (known := self._deliveries.get(first)):  # most come one by one
            if forget:
                del self._deliveries[first]
            link, tag = known
            return {link: {first: tag}}
        deliveries: dict[L, dict[int, bytes]] = {}
        for delivery_id in self.between(first, last):
            link, tag = self.get(delivery_id, forget=forget)
            deliveries.setdefault(link, {})[delivery_id] = tag
        return deliveries

    def settle(self, delivery_id: int, link: L, forget: bool) -> bool:
        """Tell whether a delivery is known as one of `link`'s; forget it then, if so asked."""
        known = self._deliveries.get(delivery_id)
        if known is None or known[0] is not link:
            return False
        if forget:
            del self._deliveries[delivery_id]
        return True

    def between(self, first: int, last: int) -> list[int]:
        """Return the known ids from `first` to `last`.

        A peer may name two thousand million ids in one frame: the work is bounded by ours.
        """
        known = self._deliveries
        if first == last:
            return [first] if first in known else []
        size = serial_distance(first, last) + 1
        if size <= len(known):
            ids = ((first + step) & SERIAL_MASK for step in range(size))
            return [delivery_id for delivery_id in ids if delivery_id in known]
        return [key for key in known if 0 <= serial_distance(first, key) < size]

    def all(self) -> list[tuple[L, bytes]]:
        """Link and tag of each delivery."""
        return list(self._deliveries.values())

    def forget(self, link: L) -> None:
        """Forget all deliveries of `link`."""
        self._deliveries = {
            key: entry for key, entry in self._deliveries.items() if entry[0] is not link
        }

    def clear(self) -> None:
        """Forget all."""
        self._deliveries.clear()
