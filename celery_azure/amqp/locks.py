"""Locks are renewed as long as their messages are held, many with one request.

When a lock ends is told by the broker's clock, which may differ from ours: it is at least as late
as the latest moment at which a message was enqueued, and a lock lasts five minutes at most. That is
found out again when our clock is set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery_azure.amqp.codec import CodecError, UuidArray
from celery_azure.amqp.messages import read_annotations
from celery_azure.amqp.settlement import LOCK_LOST

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_azure.amqp.engine import Engine
    from celery_azure.amqp.requests import Answer, Requests
    from celery_azure.amqp.settlement import Delivery

_LONGEST_LOCK, _SHORTEST_LOCK = 300.0, 1.0
_YOUNG_SECONDS = 0.2
_MOST_AT_ONCE = 100
_AGAIN_SECONDS = 1.0
_CLOCK_STEP_SECONDS = 1.0


class LockKeeper:
    """Renews the locks of one entity.

    Args:
        engine: Whose clock is used.
        management: The node that renews.
        longest: For how many seconds a lock is renewed at most.
        on_lost: Called with a delivery whose lock is lost, and why.
    """

    def __init__(
        self,
        engine: Engine,
        management: Requests,
        *,
        longest: float,
        on_lost: Callable[[Delivery, str], None],
    ) -> None:
        self._engine = engine
        self._management = management
        self._longest = longest
        self._on_lost = on_lost
        self._ahead = 0.0
        self._offset = 0.0
        self._held: dict[Delivery, None] = {}

    def hold(self, delivery: Delivery) -> None:
        """Keep a message locked from now on."""
        self._held[delivery] = None

    def drop(self, delivery: Delivery) -> None:
        """Let its lock go."""
        self._held.pop(delivery, None)

    def expire(self, now: float) -> None:
        """Renew what has lived through half of its lock."""
        offset = self._engine.wall(now) - now
        if abs(offset - self._offset) > _CLOCK_STEP_SECONDS:
            self._offset, self._ahead = offset, 0.0
        due: list[Delivery] = []
        ended: list[tuple[Delivery, str]] = []
        for delivery in self._held:
            if now - delivery.arrived < _YOUNG_SECONDS:
                break  # they stand in the order of their arrival
            if delivery.renew_at == float("inf"):
                self._look_at(delivery)
            if delivery.renew_until <= now:
                ended.append((delivery, "it could not be renewed in time"))
            elif delivery.renew_at <= now:
                if now - delivery.arrived > self._longest:
                    ended.append((delivery, f"it is not renewed after {self._longest:g} s"))
                else:
                    due.append(delivery)
                delivery.renew_at = now + _LONGEST_LOCK  # until the answer says more
        for delivery, reason in ended:
            self._lose(delivery, reason)
        for start in range(0, len(due), _MOST_AT_ONCE):
            self._renew(due[start : start + _MOST_AT_ONCE], now)

    def _look_at(self, delivery: Delivery) -> None:
        try:
            annotations = read_annotations(delivery.payload)
        except CodecError:
            annotations = {}
        wall = self._engine.wall(delivery.arrived)
        enqueued = annotations.get("x-opt-enqueued-time")
        if isinstance(enqueued, int):
            self._ahead = max(self._ahead, enqueued / 1000 - wall)
        self._set(delivery, annotations.get("x-opt-locked-until"), delivery.arrived)

    def _set(self, delivery: Delivery, until: object, now: float) -> None:
        lasts = _LONGEST_LOCK
        if isinstance(until, int):
            lasts = until / 1000 - self._engine.wall(now) - self._ahead
        if lasts >= _SHORTEST_LOCK:
            delivery.renew_until = now + lasts + _SHORTEST_LOCK
        else:  # the broker's clock is behind ours
            delivery.renew_until = float("inf")
        delivery.renew_at = now + min(max(lasts, _SHORTEST_LOCK), _LONGEST_LOCK) / 2

    def _renew(self, deliveries: list[Delivery], now: float) -> None:
        tokens = tuple(one.lock_token for one in deliveries if one.lock_token is not None)

        def on_answer(answer: Answer) -> None:
            self._on_answer(deliveries, answer, now)

        self._management.operation("renew-lock", {"lock-tokens": UuidArray(tokens)}, now, on_answer)

    def _on_answer(self, deliveries: list[Delivery], answer: Answer, now: float) -> None:
        error = answer.error
        if error is None:
            times = answer.body.get("expirations") if isinstance(answer.body, dict) else None
            if not isinstance(times, list) or len(times) != len(deliveries):
                self._renew_later(deliveries, now)
                return
            for delivery, until in zip(deliveries, times, strict=True):
                self._set(delivery, until, now)
        elif error.condition != LOCK_LOST:
            self._renew_later(deliveries, now)
        elif len(deliveries) > 1:  # one of them is lost: find out which
            for delivery in deliveries:
                if delivery in self._held:
                    self._renew([delivery], now)
        elif deliveries[0] in self._held:
            self._lose(deliveries[0], str(error))

    @staticmethod
    def _renew_later(deliveries: list[Delivery], now: float) -> None:
        for delivery in deliveries:
            delivery.renew_at = now + _AGAIN_SECONDS

    def _lose(self, delivery: Delivery, reason: str) -> None:
        self.drop(delivery)
        delivery.is_lost = True
        self._on_lost(delivery, reason)
