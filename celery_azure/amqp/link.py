"""One end of a link, as its connection knows it; subclasses say what it is for. And all of them.

Source: OASIS AMQP 1.0, 2.6 (links).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from celery_azure.amqp.codec import CodecError
from celery_azure.amqp.frames import AmqpError, Attach, Frame
from celery_azure.amqp.serials import MASK, ahead

if TYPE_CHECKING:
    from celery_azure.amqp.connection import Connection
    from celery_azure.amqp.frames import Outcome

HIGHEST_HANDLE = 4_999
LARGEST_MESSAGE = 104_857_600
"""The largest message of the Premium tier, in bytes; nothing larger is taken."""


class Supervisor(Protocol):
    """Who keeps links attached, and wants to know how they are.

    Attributes:
        trouble: Why nothing works just now; empty while it does.
    """

    trouble: str

    def link_attached(self, link: Link) -> None:
        """Both ends of the link have attached."""

    def link_down(self, link: Link, error: AmqpError, now: float) -> None:
        """The link is attached no more, or was refused."""


class Link:
    """One end of a link; subclasses say what it is for. It may attach again and again.

    Attributes:
        is_receiver: Whether messages come in on it.
        entity: The path whose authorization it needs; None for `$cbs`.
        handle: Its number on the connection; None while it is not attached or attaching.
        is_attached: Both ends have attached.
        attached_at: Since when it has been attached; None while it is not.
        was_refused: It went down before it had been attached, so that it is not wanted as it is.
        attempts: How often it has failed since it last worked for a while.
        retry_at: Before this it is not attached again.
        epoch: How often it has been attached: a delivery belongs to one of these times.
        max_message_size: What the peer takes, in bytes.
        came_settled: The peer waits for no word on the delivery that has come in last.
    """

    is_receiver = False
    sender_settles = False

    def __init__(self, entity: str | None, address: str) -> None:
        self.entity = entity
        self.address = address
        self.supervisor: Supervisor | None = None
        self.connection: Connection | None = None
        self.handle: int | None = None
        self.is_attached = False
        self.attached_at: float | None = None
        self.was_refused = False
        self.came_settled = False
        self.attempts = 0
        self.retry_at = 0.0
        self.epoch = 0
        self.credit = 0
        self.delivery_count = 0
        self.max_message_size = 0
        self._room = 0
        self._parts = bytearray()
        self._head: tuple[int, bytes] | None = None

    def attach_frame(self, name: str, handle: int, host: str) -> bytes:
        """What to ask for: the entity is the one end, this process the other."""
        there, here = f"amqps://{host}/{self.address}", f"celery-azure-{name}"
        source, target = (there, here) if self.is_receiver else (here, there)
        return Attach(
            name,
            handle,
            self.is_receiver,
            source,
            target,
            sender_settles=self.sender_settles,
            max_message_size=LARGEST_MESSAGE if self.is_receiver else 0,
        ).to_bytes()

    def begin(self, connection: Connection, handle: int) -> None:
        """It is being attached."""
        self.connection, self.handle, self.is_attached = connection, handle, False
        self.credit = self.delivery_count = self._room = 0
        self._parts.clear()
        self._head = None

    def attached(self, now: float) -> None:
        """Both ends are attached: tell whom it concerns."""
        self.is_attached = True
        self.attached_at = now
        self.epoch += 1
        if self.supervisor is not None:
            self.supervisor.link_attached(self)
        self.on_attached(now)

    def down(self, error: AmqpError, now: float) -> None:
        """It is attached no more, or was refused: tell whom it concerns."""
        self.was_refused, self.attached_at = self.attached_at is None, None
        if self.supervisor is not None:
            self.supervisor.link_down(self, error, now)
        self.on_down(error, now)

    # -- flow control ----------------------------------------------------------------------------

    def grant(self, credit: int) -> None:
        """Let the peer send that many more; what it was let send before, it may have sent."""
        self._room = max(self._room, credit)
        self.credit = credit

    @property
    def is_overrun(self) -> bool:
        """Whether the peer has sent all that it was ever let send."""
        return self._room <= 0

    def take_flow(self, frame: Frame) -> None:
        """Learn what the peer says of the link: how far it is, and on a sender what it takes."""
        count = frame.field(5)
        if self.is_receiver:
            self.delivery_count = self.delivery_count if count is None else count
            if frame.field(8, False):
                self.credit = 0
        elif (credit := frame.field(6)) is not None:
            under_way = ahead(self.delivery_count, count or 0)
            self.credit = max(0, credit - under_way) if under_way >= 0 else 0

    def take_transfer(self, frame: Frame) -> tuple[bytes, int, bytes] | None:
        """Take a part of a delivery; the payload, number and tag of one that is whole.

        Raises:
            CodecError: The parts are none of one delivery, or together too large.
        """
        number = frame.field(1)
        if self._head is None:
            if number is None:
                raise CodecError("a delivery without a number")
            self._head = number, frame.field(2, b"")
            self.came_settled = frame.field(4, False)
        elif number is not None and number != self._head[0]:
            raise CodecError("a delivery in the middle of another")
        if len(self._parts) + len(frame.payload) > LARGEST_MESSAGE:
            raise CodecError(f"a message of more than {LARGEST_MESSAGE} bytes")
        aborted = frame.field(9, False)
        if frame.field(5, False) and not aborted:
            self._parts += frame.payload
            return None
        delivery_id, tag = self._head
        payload = bytes(self._parts + frame.payload) if self._parts else frame.payload
        self._parts.clear()
        self._head = None
        if aborted:
            return None
        self.delivery_count = (self.delivery_count + 1) & MASK
        self.credit -= 1
        self._room -= 1
        return payload, delivery_id, tag

    # -- what subclasses do ----------------------------------------------------------------------

    def on_attached(self, now: float) -> None:
        """Both ends are attached."""

    def on_credit(self, now: float) -> None:
        """The peer has told its state; on a sender, how much it takes."""

    def on_delivery(self, payload: bytes, delivery_id: int, tag: bytes, now: float) -> None:
        """A whole message has come in."""

    def on_outcome(self, delivery_id: int, outcome: Outcome, now: float) -> None:
        """The peer has settled a delivery."""

    def on_down(self, error: AmqpError, now: float) -> None:
        """It is attached no more, or was refused; it will be attached again unless removed."""


class LinkTable:
    """The links of a connection: by our numbers, by the peer's, and by name.

    Attributes:
        highest: The highest number that the peer takes.
    """

    def __init__(self, prefix: str) -> None:
        self.highest = HIGHEST_HANDLE
        self._prefix = prefix
        self._names = 0
        self._ours: dict[int, Link] = {}
        self._theirs: dict[int, Link] = {}
        self._by_name: dict[str, Link] = {}
        self._closing: dict[int, int] = {}

    def all(self) -> list[Link]:
        """Those that are attached or attaching."""
        return list(self._ours.values())

    def add(self, link: Link) -> tuple[str, int]:
        """Give a link a name and a number.

        Raises:
            AmqpError: There is no number left.
        """
        taken = {*self._ours, *self._closing.values()}
        handle = next((n for n in range(self.highest + 1) if n not in taken), None)
        if handle is None:
            raise AmqpError("amqp:resource-limit-exceeded", "no handle is left on the connection")
        self._names += 1
        name = f"{self._prefix}-{self._names}"
        self._ours[handle] = self._by_name[name] = link
        return name, handle

    def answer(self, link: Link, remote: int) -> None:
        """The peer gives a link a number of its own.

        Raises:
            CodecError: The link or the number has one already.
        """
        if remote in self._theirs or link in self._theirs.values():
            raise CodecError("a link that is attached twice")
        self._theirs[remote] = link

    def named(self, name: str) -> Link | None:
        """The link of a name."""
        return self._by_name.get(name)

    def at(self, remote: int) -> Link | None:
        """The link to which the peer has given a number."""
        return self._theirs.get(remote)

    def close(self, link: Link) -> None:
        """Keep the number of a link until the peer has answered that it is closed."""
        for remote, owner in self._theirs.items():
            if owner is link and link.handle is not None:
                self._closing[remote] = link.handle

    def end(self, remote: int) -> Link | None:
        """The peer closes a link, or answers that it is closed; the link in the first case."""
        self._closing.pop(remote, None)
        return self._theirs.pop(remote, None)

    def remove(self, link: Link) -> None:
        """Forget a link."""
        if link.handle is not None:
            self._ours.pop(link.handle, None)
        self._theirs = {key: one for key, one in self._theirs.items() if one is not link}
        self._by_name = {key: one for key, one in self._by_name.items() if one is not link}
