"""The deliveries of which the peer has yet to say what became of them; no I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from celery_azure.amqp.codec import CodecError
from celery_azure.amqp.frames import SETTLED, AmqpError, Frame, Outcome, disposition, outcome_of
from celery_azure.amqp.serials import ahead, between, runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from celery_azure.amqp.link import Link

UNTOLD = "amqp:illegal-state"
"""Our own condition: a message was settled, and nobody has said whether it was taken."""

_UNTOLD = Outcome(0, AmqpError(UNTOLD, "settled without a word of its fate"))

DISPOSITION_BYTES = 32
"""The most that a disposition has besides the outcome."""


class Dispositions:
    """The outcomes that are to be told next, of deliveries that came in."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, list[int]] = {}

    def __bool__(self) -> bool:
        return bool(self._numbers)

    def add(self, number: int, state: bytes) -> None:
        """Tell that a delivery has this outcome, which is encoded already."""
        self._numbers.setdefault(state, []).append(number)

    def take(self) -> list[bytes]:
        """The frames; they come before all others, as a link may end with one of these."""
        written = [
            disposition(is_receiver=True, first=first, last=last, settled=False, state=state)
            for state, numbers in self._numbers.items()
            for first, last in runs(numbers)
        ]
        self._numbers.clear()
        return written


class Told(NamedTuple):
    """What the peer has said about one delivery.

    Attributes:
        waits: It wants to hear that we have heard, as the receiver's mode `second` has it.
    """

    link: Link
    number: int
    outcome: Outcome
    waits: bool


class OpenDeliveries:
    """Whose word is waited for: of what was sent, and of what came in and was settled."""

    def __init__(self) -> None:
        self._sent: dict[int, Link] = {}
        self._taken: dict[int, Link] = {}

    def __bool__(self) -> bool:
        return bool(self._sent or self._taken)

    def sent(self, number: int, link: Link) -> None:
        """A message has left."""
        self._sent[number] = link

    def taken(self, number: int, link: Link) -> None:
        """The outcome of one that came in was told."""
        self._taken[number] = link

    def forget(self, link: Link) -> None:
        """Its messages have nobody left who wants to know."""
        for table in (self._sent, self._taken):
            for number in [number for number, one in table.items() if one is link]:
                del table[number]

    def hear(self, frame: Frame) -> Iterator[Told]:
        """Take a disposition; those that were waited for, one by one.

        Raises:
            CodecError: It ends before it begins.
        """
        from_receiver, first = frame.fields[:2]
        last = frame.field(2, first)
        if ahead(last, first) < 0:
            raise CodecError("a disposition that ends before it begins")
        is_settled, outcome = frame.field(3, False), outcome_of(frame.field(4))
        if outcome is None:
            if not is_settled:
                return
            outcome = _UNTOLD if from_receiver else SETTLED
        table = self._sent if from_receiver else self._taken
        for number in [first] if first == last else between(first, last, table):
            link = table.pop(number, None)
            if link is not None:  # what was done about the one before may be the end of this link
                yield Told(link, number, outcome, from_receiver and not is_settled)
