"""Group commit: messages that wait together travel together, and each learns its own fate.

While a delivery is under way, what comes next waits and then goes as one batch; a batch that is
full does not wait. A batch that is refused is tried again in halves, so that a message that
Service Bus does not take fails alone.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from celery_azure.amqp.deliveries import UNTOLD
from celery_azure.amqp.frames import AmqpError
from celery_azure.amqp.isolation import call_each
from celery_azure.amqp.link import Link
from celery_azure.amqp.messages import BATCH_FORMAT, as_copy, batch_bytes, encode_batch
from celery_azure.amqp.patience import SERVER_BUSY, busy_seconds
from celery_azure.amqp.requests import PERMANENT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from celery_azure.amqp.connection import Connection
    from celery_azure.amqp.frames import Outcome

TIMEOUT = "com.microsoft:timeout"
TOO_LARGE = "amqp:link:message-size-exceeded"
"""What a message is that is larger than its link takes: the broker may end the link for it (AMQP
1.0, 2.8.18), which would hold up others, so that it is not sent."""

DEFAULT_MAX_BYTES = 262_144
"""The largest message and batch of the Basic and Standard tiers."""

_BATCH_OVERHEAD = 512
_MOST_IN_BATCH = 1_000
_MOST_FULL_BATCHES = 4
_SILENCE_SECONDS = 30.0
_MOMENT_SECONDS = 2.0
_PAUSE_SECONDS = 1.0
_AGAIN = frozenset({SERVER_BUSY, TIMEOUT, "amqp:internal-error", "com.microsoft:operation-timeout"})


class Outgoing:
    """A message on its way.

    Attributes:
        payload: The encoded message.
        due: When whoever waits gives up.
        done: Called once: with None when the broker has accepted it, else with what went wrong.
        may_have_arrived: It was sent on a connection that was lost before the answer.
    """

    __slots__ = ("_was_sent", "done", "due", "may_have_arrived", "payload")

    def __init__(
        self, payload: bytes, due: float, done: Callable[[AmqpError | None], None] | None
    ) -> None:
        self.payload = payload
        self.due = due
        self.done = done
        self.may_have_arrived = False
        self._was_sent = False

    def take(self) -> bytes:
        """The message for its next delivery; from the second on, it says that it is a copy."""
        if self._was_sent:
            self.payload = as_copy(self.payload)
        self._was_sent = True
        return self.payload

    def end(self, error: AmqpError | None) -> None:
        """Tell whoever waits, unless that is done already."""
        done, self.done = self.done, None
        if done is not None:
            done(error)


class Sender(Link):
    """Sends to one entity.

    Attributes:
        on_refusal: Asked when the entity refuses the link for good; True if that will be mended.
        deliveries: How many deliveries have been sent, batches counting once.
    """

    def __init__(self, entity: str) -> None:
        super().__init__(entity, entity)
        self.on_refusal: Callable[[AmqpError], bool] = lambda _: False
        self.deliveries = 0
        self._waiting: deque[Outgoing] = deque()
        self._groups: deque[list[Outgoing]] = deque()
        self._in_flight: dict[int, tuple[list[Outgoing], float]] = {}
        self._paused_until = 0.0
        self._busy: AmqpError | None = None

    def submit(self, outgoing: Outgoing) -> None:
        """Take a message; it leaves with the next `pump`."""
        if self._busy is not None and outgoing.due <= self._paused_until:
            outgoing.end(self._busy)  # it would wait in vain, and may know why
            return
        self._waiting.append(outgoing)

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits and nothing is under way."""
        return not (self._waiting or self._groups or self._in_flight)

    def is_stuck(self, now: float) -> bool:
        """Whether the broker has left something unanswered for longer than a moment."""
        sent_before = now + _SILENCE_SECONDS - _MOMENT_SECONDS
        return any(by < sent_before for _, by in self._in_flight.values())

    def pump(self, now: float) -> None:
        """Send what may be sent."""
        connection = self.connection
        if connection is None or not self.is_attached or now < self._paused_until:
            return
        while self.credit > 0:
            if self._groups:
                group = self._groups.popleft()
            elif not self._waiting:
                return
            elif not self._in_flight or (
                len(self._in_flight) < _MOST_FULL_BATCHES and self._has_full_batch()
            ):
                group = self._next_group()
            else:
                return
            group = [outgoing for outgoing in group if outgoing.done is not None]
            if not group or self._is_too_large(group):
                continue
            self._groups.appendleft(group)  # nothing is lost should the next line fail
            delivery_id = _send(connection, self, group)
            self._in_flight[delivery_id] = group, now + _SILENCE_SECONDS
            self._groups.popleft()
            self.deliveries += 1

    def on_attached(self, now: float) -> None:
        """Nothing can be sent before there is credit."""
        self.pump(now)

    def on_credit(self, now: float) -> None:
        """Send what waits."""
        self.pump(now)

    def on_outcome(self, delivery_id: int, outcome: Outcome, now: float) -> None:
        """Tell each message of the delivery its fate, or find it out."""
        group, _ = self._in_flight.get(delivery_id, ([], 0.0))
        if outcome.is_accepted:
            _end_all(group, None)
        else:
            error = outcome.error or AmqpError("amqp:internal-error", "the message was refused")
            self._on_refused(group, error, now)
        self._in_flight.pop(delivery_id, None)  # last: a signal handler may have cut it short
        self.pump(now)

    def on_down(self, error: AmqpError, now: float) -> None:
        """Send again what was under way: whether it has arrived is not known.

        Where the entity does not want the link, whoever waits is told at once.
        """
        under_way = [group for group, _ in self._in_flight.values()]
        self._in_flight.clear()
        for group in reversed(under_way):
            for outgoing in group:
                outgoing.may_have_arrived = True
            self._groups.appendleft(group)
        if error.condition == TOO_LARGE and under_way:  # one of them is meant: the largest
            largest = max(under_way, key=_bytes_of)
            self._groups.remove(largest)
            self._on_refused(largest, error, now)
        if error.condition == SERVER_BUSY:
            self._pause(error, now)
        if self.was_refused and error.condition in PERMANENT and not self.on_refusal(error):
            self.fail_all(error)

    def fail_all(self, error: AmqpError) -> None:
        """Tell everybody who waits that it has come to nothing."""
        waiting = [*(one for group in self._groups for one in group), *self._waiting]
        self._groups.clear()
        self._waiting.clear()
        _end_all(waiting, error)

    def expire(self, now: float) -> None:
        """Give up what is due; send again what a pause has held up."""
        under_way = [one for group, _ in self._in_flight.values() for one in group]
        again = [one for group in self._groups for one in group]
        late = [one for one in [*under_way, *again, *self._waiting] if one.due <= now and one.done]
        for outgoing in under_way if late else ():
            outgoing.may_have_arrived = True
        unsure = [outgoing for outgoing in late if outgoing.may_have_arrived]
        unsent = [outgoing for outgoing in late if not outgoing.may_have_arrived]
        _end_all(unsure, AmqpError(TIMEOUT, _LATE))
        trouble = self.supervisor.trouble if self.supervisor is not None else ""
        why = f"{_NOT_SENT} ({trouble})" if trouble else _NOT_SENT
        _end_all(unsent, AmqpError(TIMEOUT, why))
        while self._waiting and self._waiting[0].done is None:
            self._waiting.popleft()
        connection = self.connection
        if connection is not None and any(by <= now for _, by in self._in_flight.values()):
            connection.lose(AmqpError(TIMEOUT, "the broker has left a message unanswered"), now)
        self.pump(now)

    # -- inside ----------------------------------------------------------------------------------

    def _is_too_large(self, group: list[Outgoing]) -> bool:
        """Whether a group is a message that the link does not take; it is told so then."""
        size, most = len(group[0].payload), self.max_message_size
        if len(group) > 1 or not 0 < most < size:
            return False
        group[0].end(AmqpError(TOO_LARGE, f"a message of {size} bytes, of at most {most}"))
        return True

    @property
    def _batch_bytes(self) -> int:
        """How long the messages of a batch may be together; on Premium, no longer than others."""
        return min(self.max_message_size or DEFAULT_MAX_BYTES, DEFAULT_MAX_BYTES) - _BATCH_OVERHEAD

    def _next_group(self) -> list[Outgoing]:
        """What waits, as far as it fits into one batch."""
        waiting = self._waiting
        room = self._batch_bytes
        group: list[Outgoing] = []
        while waiting:
            size = batch_bytes(waiting[0].payload)
            if group and (size > room or len(group) >= _MOST_IN_BATCH):
                break
            room -= size
            group.append(waiting.popleft())
        return group

    def _has_full_batch(self) -> bool:
        """Whether more waits than one batch takes."""
        if len(self._waiting) >= _MOST_IN_BATCH:
            return True
        room = self._batch_bytes
        for outgoing in self._waiting:
            room -= batch_bytes(outgoing.payload)
            if room <= 0:
                return True
        return False

    def _on_refused(self, group: list[Outgoing], error: AmqpError, now: float) -> None:
        if error.condition in _AGAIN:
            self._groups.appendleft(group)
            self._pause(error, now)
        elif len(group) == 1 or error.condition == UNTOLD:
            _end_all(group, error)
        else:
            middle = len(group) // 2
            self._groups.extendleft((group[middle:], group[:middle]))

    def _pause(self, error: AmqpError, now: float) -> None:
        """Leave the entity alone for a while; who cannot wait so long is told why at once."""
        is_busy = error.condition == SERVER_BUSY
        self._busy = error if is_busy else None
        self._paused_until = now + (busy_seconds(error) if is_busy else _PAUSE_SECONDS)
        if is_busy:
            waiting = [*(one for group in self._groups for one in group), *self._waiting]
            _end_all((one for one in waiting if self._waits_in_vain(one)), error)

    def _waits_in_vain(self, outgoing: Outgoing) -> bool:
        return outgoing.due <= self._paused_until and not outgoing.may_have_arrived


def _send(connection: Connection, sender: Sender, group: list[Outgoing]) -> int:
    if len(group) == 1:
        return connection.send(sender, group[0].take())
    return connection.send(sender, encode_batch([one.take() for one in group]), BATCH_FORMAT)


def _bytes_of(group: list[Outgoing]) -> int:
    return sum(len(outgoing.payload) for outgoing in group)


def _end_all(group: Iterable[Outgoing], error: AmqpError | None) -> None:
    call_each(partial(outgoing.end, error) for outgoing in group)


_LATE = "the broker has not answered in time; the message may have arrived"
_NOT_SENT = "the broker could not be reached in time; the message was not sent"
