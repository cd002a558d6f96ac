"""Settlements: what becomes of deliveries, and how the broker is told by their lock tokens.

On its link a settlement is one frame. By its lock token, through `$management`, it reaches the
broker when that link is gone, and as often as is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery_azure.amqp import frames
from celery_azure.amqp.codec import UuidArray
from celery_azure.amqp.frames import AmqpError
from celery_azure.amqp.patience import SERVER_BUSY, busy_seconds
from celery_azure.amqp.requests import PERMANENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from celery_azure.amqp.receiver import Receiver
    from celery_azure.amqp.requests import Answer, Requests

_PAUSE_SECONDS = 1.0
_LONGEST_LOCK = 300.0
_LONGEST_TEXT = 4096
"""Characters of a dead-letter reason, and of its description."""

LOCK_LOST = "com.microsoft:message-lock-lost"
UNCONFIRMED = "celery-azure:unconfirmed"
"""Our own condition: the answer to a settlement was lost, and so is the lock: most probably it was
done, and nobody can know."""

_FINAL = PERMANENT | {LOCK_LOST, "amqp:invalid-field", "com.microsoft:argument-error"}


class Delivery:
    """A message that came in.

    Attributes:
        payload: The encoded message: reading it is left to whoever takes it.
        lock_token: The name of its lock; None when it was deleted as it was received.
        arrived: When it came in, by the engine's clock.
        is_settled: Its fate is decided, and is being told to the broker.
        is_lost: The broker has given it to somebody else, or soon will.
        was_awaited: When it came, the broker had been free to send for a while, and had nothing.
    """

    __slots__ = (
        "arrived",
        "delivery_id",
        "epoch",
        "is_lost",
        "is_settled",
        "lock_token",
        "name",
        "payload",
        "receiver",
        "renew_at",
        "renew_until",
        "was_awaited",
    )

    def __init__(
        self,
        receiver: Receiver,
        payload: bytes,
        delivery_id: int,
        epoch: int,
        lock_token: UUID | None,
        arrived: float,
    ) -> None:
        self.receiver = receiver
        self.payload = payload
        self.delivery_id = delivery_id
        self.epoch = epoch
        self.lock_token = lock_token
        self.arrived = arrived
        self.is_settled = False
        self.is_lost = False
        self.was_awaited = False
        self.renew_at = float("inf")
        self.renew_until = float("inf")
        self.name = ""


class Settlement:
    """What is to become of a delivery: on its link, or by its lock token.

    Attributes:
        state: The outcome, as it stands in a disposition.
        status: The same for `update-disposition`.
    """

    __slots__ = ("description", "reason", "state", "status", "verb")

    def __init__(
        self, verb: str, state: bytes, status: str, reason: str = "", description: str = ""
    ) -> None:
        self.verb = verb
        self.state = state
        self.status = status
        self.reason = reason
        self.description = description


COMPLETE = Settlement("complete", frames.ACCEPTED, "completed")
ABANDON = Settlement("abandon", frames.modified(), "abandoned")
RELEASE = Settlement("release", frames.RELEASED, "abandoned")


def dead_letter(reason: str, description: str) -> Settlement:
    """Move the message to the dead-letter queue, which shows the two texts.

    They are cut to what Service Bus keeps, and what is no Unicode in them becomes question marks.
    """
    reason, description = (
        text[:_LONGEST_TEXT].encode(errors="replace").decode() for text in (reason, description)
    )
    state = frames.dead_lettered(reason, description)
    return Settlement("dead-letter", state, "suspended", reason, description)


class Unsettled:
    """A settlement that the broker has not confirmed.

    Attributes:
        until: When the lock has ended in any case.
        retry_at: When to try again.
        may_be_done: The broker was told before, and the answer got lost.
    """

    __slots__ = ("delivery", "may_be_done", "retry_at", "settlement", "until")

    def __init__(
        self, delivery: Delivery, settlement: Settlement, now: float, *, may_be_done: bool = False
    ) -> None:
        self.delivery = delivery
        self.settlement = settlement
        self.until = now + _LONGEST_LOCK
        self.retry_at = 0.0
        self.may_be_done = may_be_done


class Settler:
    """Tells the broker by lock tokens, until it answers or no lock can be left.

    Args:
        management: Whom to tell.
        on_settled: Called with each delivery whose settlement the broker has confirmed or not.

    Attributes:
        pending: How many have not been answered.
    """

    def __init__(
        self,
        management: Requests,
        on_settled: Callable[[Delivery, Settlement, AmqpError | None], None],
    ) -> None:
        self.pending = 0
        self._on_settled = on_settled
        self._management = management
        self._again: list[Unsettled] = []

    def settle(self, unsettled: Unsettled, now: float) -> None:
        """Tell the broker; `on_settled` hears how it ended."""
        self.pending += 1
        self._ask(unsettled, now)

    def expire(self, now: float) -> None:
        """Tell it again where that is due."""
        due = [unsettled for unsettled in self._again if unsettled.retry_at <= now]
        for unsettled in due:
            self._again.remove(unsettled)
            self._ask(unsettled, now)

    def _ask(self, unsettled: Unsettled, now: float) -> None:
        settlement, token = unsettled.settlement, unsettled.delivery.lock_token
        body = {
            "disposition-status": settlement.status,
            "lock-tokens": UuidArray(() if token is None else (token,)),
        }
        if settlement.reason:
            body["deadletter-reason"] = settlement.reason
            body["deadletter-description"] = settlement.description

        def confirm(answer: Answer) -> None:
            unsettled.may_be_done |= answer.was_sent
            self._on_answer(unsettled, answer.error, now)

        self._management.operation("update-disposition", body, now, confirm)

    def _on_answer(self, unsettled: Unsettled, error: AmqpError | None, now: float) -> None:
        """Try again what may succeed yet, as long as a lock may last; else tell how it ended."""
        if error is not None and is_transient(error) and now < unsettled.until:
            is_busy = error.condition == SERVER_BUSY
            unsettled.retry_at = now + (busy_seconds(error) if is_busy else _PAUSE_SECONDS)
            self._again.append(unsettled)
            return
        if error is not None and error.condition == LOCK_LOST and unsettled.may_be_done:
            error = AmqpError(UNCONFIRMED, "its answer was lost, and its lock has ended")
        self.pending -= 1
        self._on_settled(unsettled.delivery, unsettled.settlement, error)


def is_transient(error: AmqpError) -> bool:
    """Whether a settlement that was answered by this may succeed later."""
    return error.condition not in _FINAL
