"""Receiving: messages come as long as somebody can work on them, and settlements are confirmed."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol
from uuid import UUID

from celery_azure.amqp.link import Link
from celery_azure.amqp.settlement import (
    RELEASE,
    Delivery,
    Settlement,
    Settler,
    Unsettled,
    is_transient,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_azure.amqp.engine import Engine
    from celery_azure.amqp.frames import AmqpError, Outcome
    from celery_azure.amqp.requests import Requests

_ANSWER_SECONDS = 20.0
READ_AHEAD_SECONDS = 0.1
"""Beyond what is worked on, as many messages are held as are worked on in this time."""

_IDLE_TICKS = 2
"""From one tick to the next, at least, the broker was free to send, and so had nothing to send."""

MOST_AHEAD = 500
STALE_SECONDS = 2.0
"""What nobody has taken for so long is given back to the broker, for others."""


class Keeper(Protocol):
    """Who keeps messages locked while they are held."""

    def hold(self, delivery: Delivery) -> None:
        """Keep a message locked from now on."""

    def drop(self, delivery: Delivery) -> None:
        """Let its lock go."""

    def expire(self, now: float) -> None:
        """Renew what is due."""


class Receiver(Link):
    """Receives from one entity.

    Args:
        engine: What keeps it attached.
        address: The entity, or its sub-queue or subscription.
        management: Where to settle what came on a link that is gone; None when nothing is locked.
        on_message: Called when there is something in the buffer again, or was given back because
            nobody took it; in the engine's thread.

    Attributes:
        buffer: What has come in and was not taken yet. Any thread may take from its left.
        limit: How many messages whoever takes them can work on at a time.
        held: How many are.
        on_settled: Called with each delivery whose settlement the broker has confirmed or not.
        on_refusal: Called when the entity refuses the link.
        is_refusal_told: For its user: whether somebody knows of that; False again with a link.
    """

    is_receiver = True

    def __init__(
        self,
        engine: Engine,
        address: str,
        *,
        management: Requests | None,
        on_message: Callable[[], None],
    ) -> None:
        super().__init__(address, address)
        self.sender_settles = management is None
        self.buffer: deque[Delivery] = deque()
        self.keeper: Keeper | None = None
        self.limit = 0
        self.ahead = 0
        self.is_paused = False
        self.is_refusal_told = False
        self.settled = 0
        self.held = 0
        self.unconfirmed: dict[int, tuple[Delivery, Settlement, float]] = {}
        self.on_settled: Callable[[Delivery, Settlement, AmqpError | None], None] = lambda *_: None
        self.on_refusal: Callable[[AmqpError], object] = lambda _: None
        self.on_drained: Callable[[], None] | None = None
        self.on_first_attach: Callable[[], None] | None = None
        self._rated_at = 0.0
        self._rated = 0
        self._free_ticks = 0
        self._engine = engine
        self.management = management
        self._settler = None if management is None else Settler(management, self._tell)
        self.on_message = on_message
        self.on_confirmed: Callable[[], None] | None = None

    # -- credit ----------------------------------------------------------------------------------

    def set_limit(self, limit: int) -> None:
        """Say how many messages can be worked on at a time; 0 to receive no more."""
        if limit != self.limit:
            self.limit = limit
            self.top_up()

    def resume(self) -> None:
        """Somebody takes messages again."""
        if self.is_paused:
            self.is_paused = False
            self.top_up()

    def top_up(self) -> None:
        """Ask for as many messages as there is room for; not for each one by itself.

        For one, where that is all that is missing, only when somebody might wait for it.
        """
        if not self.is_attached or self.connection is None or self.on_drained is not None:
            return
        most = 0 if self.is_paused or not self.limit else self.limit + self.ahead
        wanted = max(0, most - self.held)
        missing = wanted - self.credit
        is_short = self.credit == 0 and self.held < self.limit
        if missing < 0 or (missing and (is_short or missing * 4 >= most)):
            self.connection.give_credit(self, wanted)

    def release_held(self, count: int) -> None:
        """Make room: that many messages that were deleted on receipt have been taken."""
        self.held -= count
        self.top_up()

    def drain(self, on_drained: Callable[[], None]) -> None:
        """Ask for what there is now, up to the limit, and for the credit back."""
        if not self.is_attached or self.connection is None:
            on_drained()
            return
        self.on_drained = on_drained
        self.connection.give_credit(self, max(1, self.limit - self.held), drain=True)

    def _end_drain(self) -> None:
        on_drained, self.on_drained = self.on_drained, None
        if on_drained is not None:
            on_drained()

    # -- the link --------------------------------------------------------------------------------

    def on_attached(self, now: float) -> None:
        """Ask for messages."""
        self.is_refusal_told = False
        self._rated_at = now
        self._free_ticks = 0
        self.top_up()
        on_first_attach, self.on_first_attach = self.on_first_attach, None
        if on_first_attach is not None:
            on_first_attach()

    def on_credit(self, now: float) -> None:
        """The credit has come back: there is nothing more."""
        del now
        self._end_drain()
        self.top_up()

    def on_delivery(self, payload: bytes, delivery_id: int, tag: bytes, now: float) -> None:
        """Take a message."""
        locked = not self.sender_settles and len(tag) == 16  # noqa: PLR2004 - a .NET Guid
        token = UUID(bytes_le=tag) if locked else None
        delivery = Delivery(self, payload, delivery_id, self.epoch, token, now)
        delivery.was_awaited = self._free_ticks >= _IDLE_TICKS
        if token is not None and self.keeper is not None:
            self.keeper.hold(delivery)
        self.buffer.append(delivery)
        self.held += 1  # last: what a signal handler cuts short must not take room for ever
        if len(self.buffer) == 1:  # else who takes comes to it, or has no room for it yet
            self.on_message()
        if self.credit <= 0:
            self._free_ticks = 0
            self._end_drain()

    def on_outcome(self, delivery_id: int, outcome: Outcome, now: float) -> None:
        """The broker says what has become of a settlement."""
        found = self.unconfirmed.pop(delivery_id, None)
        if found is not None:
            self._on_answer(found[0], found[1], outcome.error, now)
        if self.on_confirmed is not None and not self.unconfirmed:
            self.on_confirmed()

    def on_down(self, error: AmqpError, now: float) -> None:
        """What was not confirmed is settled by its lock token instead."""
        self._end_drain()
        unconfirmed = list(self.unconfirmed.values())
        self.unconfirmed.clear()
        for delivery, settlement, _ in unconfirmed:
            self._settle_by_token(delivery, settlement, now, may_be_done=True)
        if self.was_refused:
            self.on_refusal(error)

    # -- settling --------------------------------------------------------------------------------

    def settle(self, delivery: Delivery, settlement: Settlement, now: float) -> None:
        """Decide what becomes of a delivery; `on_settled` hears whether the broker agrees."""
        if delivery.is_settled:
            return
        delivery.is_settled = True
        self.held -= 1
        self.settled += 1
        if self.keeper is not None:
            self.keeper.drop(delivery)
        if delivery.lock_token is None:
            return
        connection = self.connection
        if connection is None or not self.is_attached or delivery.epoch != self.epoch:
            self._settle_by_token(delivery, settlement, now)
            return
        if not connection.settle(self, delivery.delivery_id, settlement.state):
            self._settle_by_token(delivery, settlement, now)  # as a message, in as many frames
            return
        due = now + _ANSWER_SECONDS
        self.unconfirmed[delivery.delivery_id] = delivery, settlement, due

    def expire(self, now: float) -> None:
        """Look how fast messages are worked on, and ask again about settlements."""
        self._free_ticks = self._free_ticks + 1 if self.credit > 0 else 0
        self._rate(now)
        self.top_up()
        late = [key for key, (_, _, due) in self.unconfirmed.items() if due <= now]
        for key in late:
            delivery, settlement, _ = self.unconfirmed.pop(key)
            self._settle_by_token(delivery, settlement, now, may_be_done=True)
        if self._settler is not None:
            self._settler.expire(now)
        if self.on_confirmed is not None:
            self.on_confirmed()

    def release_buffered(self, now: float) -> None:
        """Give back what nobody has taken."""
        while True:
            try:
                delivery = self.buffer.pop()
            except IndexError:
                return
            self.settle(delivery, RELEASE, now)
            self.settled -= 1

    def _rate(self, now: float) -> None:
        """Read ahead what is worked on in a moment; give back what waits longer than that."""
        elapsed = now - self._rated_at
        if elapsed > 0:
            done = int((self.settled - self._rated) / elapsed * READ_AHEAD_SECONDS)
            self.ahead = min(MOST_AHEAD, max(done, self.ahead // 2))
        self._rated_at, self._rated = now, self.settled
        try:
            oldest = self.buffer[0].arrived
        except IndexError:
            return
        if now - oldest > STALE_SECONDS and not self.sender_settles:
            self.is_paused = True
            self.ahead = 0
            self.release_buffered(now)
            self.top_up()
            self.on_message()  # who takes may have looked for the last time a moment too early

    @property
    def is_settling(self) -> bool:
        """Whether the broker has yet to confirm something."""
        return bool(self.unconfirmed or (self._settler is not None and self._settler.pending))

    def _tell(self, delivery: Delivery, settlement: Settlement, error: AmqpError | None) -> None:
        self.on_settled(delivery, settlement, error)

    def _on_answer(
        self, delivery: Delivery, settlement: Settlement, error: AmqpError | None, now: float
    ) -> None:
        if error is not None and is_transient(error):
            self._settle_by_token(delivery, settlement, now)
        else:
            self.on_settled(delivery, settlement, error)

    def _settle_by_token(
        self, delivery: Delivery, settlement: Settlement, now: float, *, may_be_done: bool = False
    ) -> None:
        """Tell the broker in another way: the link is gone, or has not done it."""
        if self._settler is not None:
            unsettled = Unsettled(delivery, settlement, now, may_be_done=may_be_done)
            self._settler.settle(unsettled, now)
