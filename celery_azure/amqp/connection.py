"""One AMQP connection with one session, from its first byte to its last; no I/O, no clock.

Source: OASIS AMQP 1.0, parts 2 (transport) and 5.3 (SASL). Everything is driven by the client:
the peer's frames either answer what was asked, or belong to a link, or end something.
"""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Protocol

from celery_azure.amqp import frames
from celery_azure.amqp.codec import CodecError
from celery_azure.amqp.frames import AmqpError, Attach, Frame, FrameReader, error_of, outcome_of

if TYPE_CHECKING:
    from celery_azure.amqp.frames import Outcome

IDLE_SECONDS = 60.0
"""The silence that this end asks the peer not to exceed."""

CONNECTION_LOST = "amqp:connection:lost"
"""Our own condition: the socket is gone and nobody has said why."""

_INCOMING_WINDOW = 0x7FFFFFFF
_HANDLE_MAX = 4_999
_MASK = 0xFFFFFFFF
_SMALLEST_PEER_FRAME = 512
_HANDSHAKE_SECONDS = 20.0


class State(Enum):
    """Where a connection is in its life."""

    SASL_HEADER = auto()
    SASL = auto()
    AMQP_HEADER = auto()
    OPEN_SENT = auto()
    OPEN = auto()
    CLOSED = auto()


class Supervisor(Protocol):
    """Who keeps links attached, and wants to know how they are."""

    def link_attached(self, link: Link, now: float) -> None:
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
        attempts: How often it has failed since it last worked.
        retry_at: Before this it is not attached again.
        epoch: How often it has been attached: a delivery belongs to one of these times.
        max_message_size: What the peer takes, in bytes.
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
        self.attempts = 0
        self.retry_at = 0.0
        self.epoch = 0
        self.credit = 0
        self.delivery_count = 0
        self.max_message_size = 0
        self.parts: list[bytes] = []
        self.part_head: tuple[int, bytes, bool, int] | None = None

    def attach_frame(self, name: str, handle: int, host: str) -> bytes:
        """What to ask for: the entity is the one end, this process the other."""
        there, here = f"amqps://{host}/{self.address}", f"celery-azure-{name}"
        source, target = (there, here) if self.is_receiver else (here, there)
        return Attach(
            name, handle, self.is_receiver, source, target, sender_settles=self.sender_settles
        ).to_bytes()

    def attached(self, now: float) -> None:
        """Both ends are attached: tell whom it concerns."""
        self.is_attached = True
        self.epoch += 1
        if self.supervisor is not None:
            self.supervisor.link_attached(self, now)
        self.on_attached(now)

    def down(self, error: AmqpError, now: float) -> None:
        """It is attached no more, or was refused: tell whom it concerns."""
        if self.supervisor is not None:
            self.supervisor.link_down(self, error, now)
        self.on_down(error, now)

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


class Connection:
    """The protocol on one socket.

    Args:
        host: What the peer is called in frames: a host, with a port where it has an unusual one.
        container_id: Our own name.
        now: When this is, on any clock that never goes back.
    """

    def __init__(self, host: str, container_id: str, now: float) -> None:
        self.host = host
        self.state = State.SASL_HEADER
        self.error: AmqpError | None = None
        self._container_id = container_id
        self._reader = FrameReader()
        self._output: list[bytes] = [frames.SASL_HEADER]
        self._links: dict[int, Link] = {}
        self._by_remote: dict[int, Link] = {}
        self._by_name: dict[str, Link] = {}
        self._closing: dict[int, int] = {}
        self._names = 0
        self._sent_by: dict[int, Link] = {}
        self._taken_by: dict[int, Link] = {}
        self._next_outgoing_id = 0
        self._next_delivery_id = 0
        self._next_incoming_id = 0
        self._remote_window = 0
        self._blocked: deque[bytes] = deque()
        self._peer_frame_bytes = _SMALLEST_PEER_FRAME
        self._peer_idle: float | None = None
        self._handles = _HANDLE_MAX
        self._heard_at = self._spoke_at = now
        self._opened_by = now + _HANDSHAKE_SECONDS

    # -- bytes -----------------------------------------------------------------------------------

    def take_output(self) -> bytes:
        """What is to be written to the socket now."""
        if not self._output:
            return b""
        data = b"".join(self._output)
        self._output.clear()
        return data

    def receive(self, data: bytes, now: float) -> None:
        """Take what the socket has given."""
        self._heard_at = now
        try:
            for item in self._reader.feed(data):
                if isinstance(item, bytes):
                    self._on_header(item)
                elif self.state is not State.CLOSED:
                    self._on_frame(item, now)
        except CodecError as error:
            self.lose(AmqpError("amqp:decode-error", str(error)), now)

    def deadline(self) -> float:
        """When `expire` wants to be called."""
        if self.state is not State.OPEN:
            return self._opened_by
        silent_at = self._heard_at + 1.5 * IDLE_SECONDS
        if self._peer_idle is None:
            return silent_at
        return min(silent_at, self._spoke_at + self._peer_idle / 2)

    def expire(self, now: float) -> None:
        """Do what the time asks for: keep the peer awake, or give it up."""
        if self.state is State.OPEN:
            if now >= self._heard_at + 1.5 * IDLE_SECONDS:
                self.lose(AmqpError(CONNECTION_LOST, "the peer has gone silent"), now)
            elif self._peer_idle is not None and now >= self._spoke_at + self._peer_idle / 2:
                self._output.append(frames.EMPTY_FRAME)
                self._spoke_at = now
        elif self.state is not State.CLOSED and now >= self._opened_by:
            self.lose(AmqpError(CONNECTION_LOST, "the peer does not answer"), now)

    def lose(self, error: AmqpError, now: float) -> None:
        """End the connection; every link on it goes down with this error."""
        if self.state is State.CLOSED:
            return
        self.state, self.error = State.CLOSED, error
        links, self._links = list(self._links.values()), {}
        self._sent_by.clear()
        self._taken_by.clear()
        for link in links:
            self._take_down(link, error, now)

    def close(self, now: float) -> None:
        """Say good-bye."""
        if self.state is State.OPEN:
            self._output.append(frames.close())
        self.lose(AmqpError(CONNECTION_LOST, "closed by this end"), now)

    # -- links -----------------------------------------------------------------------------------

    def attach(self, link: Link) -> None:
        """Begin to attach a link.

        Raises:
            AmqpError: The connection takes no more links.
        """
        taken = {*self._links, *self._closing.values()}
        handle = next((n for n in range(self._handles + 1) if n not in taken), None)
        if handle is None:
            raise AmqpError("amqp:resource-limit-exceeded", "no handle is left on the connection")
        self._names += 1
        name = f"{self._container_id}-{self._names}"
        link.connection, link.handle, link.is_attached = self, handle, False
        link.credit = link.delivery_count = 0
        link.parts, link.part_head = [], None
        self._links[handle] = self._by_name[name] = link
        self._write(link.attach_frame(name, handle, self.host))

    def detach(self, link: Link) -> None:
        """Close a link; its owner is told nothing more."""
        if link.handle is None or self._links.get(link.handle) is not link:
            return
        self._write(frames.detach(link.handle))
        for remote, owner in self._by_remote.items():
            if owner is link:  # the number is free again when the peer has answered
                self._closing[remote] = link.handle
        self._forget(link)

    def send(self, link: Link, payload: bytes, message_format: int = 0) -> int:
        """Send a delivery, unsettled; its number. The link must have credit."""
        delivery_id = self._next_delivery_id
        self._next_delivery_id = (delivery_id + 1) & _MASK
        link.credit -= 1
        link.delivery_count = (link.delivery_count + 1) & _MASK
        self._sent_by[delivery_id] = link
        head = link.handle or 0, delivery_id, delivery_id.to_bytes(4, "big"), message_format
        room = self._peer_frame_bytes - 64
        at = 0
        while True:
            part = payload[at : at + room]
            at += room
            more = at < len(payload)
            self._transfer(frames.transfer(head, settled=False, more=more, payload=part))
            if not more:
                return delivery_id

    def settle(self, link: Link, delivery_id: int, state: bytes) -> None:
        """Tell the outcome of a delivery that came in, and wait for the peer's word on it."""
        self._taken_by[delivery_id] = link
        self._output.append(
            frames.disposition(
                is_receiver=True, first=delivery_id, last=delivery_id, settled=False, state=state
            )
        )

    def give_credit(self, link: Link, credit: int, *, drain: bool = False) -> None:
        """Let the peer send that many more messages on a link."""
        link.credit = credit
        self._write(
            frames.flow(self._session(), (link.handle or 0, link.delivery_count, credit, drain))
        )

    # -- inside ----------------------------------------------------------------------------------

    def _write(self, frame: bytes) -> None:
        self._output.append(frame)

    def _transfer(self, frame: bytes) -> None:
        if self._remote_window <= 0 or self._blocked:
            self._blocked.append(frame)
            return
        self._remote_window -= 1
        self._next_outgoing_id = (self._next_outgoing_id + 1) & _MASK
        self._output.append(frame)

    def _session(self) -> tuple[int, int, int, int]:
        window = _INCOMING_WINDOW
        return self._next_incoming_id, window, self._next_outgoing_id, window

    def _forget(self, link: Link) -> None:
        if link.handle is not None:
            self._links.pop(link.handle, None)
        self._by_remote = {key: one for key, one in self._by_remote.items() if one is not link}
        self._by_name = {key: one for key, one in self._by_name.items() if one is not link}
        self._sent_by = {key: one for key, one in self._sent_by.items() if one is not link}
        self._taken_by = {key: one for key, one in self._taken_by.items() if one is not link}
        link.handle, link.connection, link.is_attached = None, None, False

    def _take_down(self, link: Link, error: AmqpError, now: float) -> None:
        self._forget(link)
        link.down(error, now)

    def _on_header(self, header: bytes) -> None:
        if self.state is State.SASL_HEADER and header == frames.SASL_HEADER:
            self.state = State.SASL
        elif self.state is State.AMQP_HEADER and header == frames.AMQP_HEADER:
            self.state = State.OPEN_SENT
        else:
            raise CodecError(f"the peer speaks another protocol: {header!r}")

    def _on_frame(self, frame: Frame, now: float) -> None:
        code = frame.code
        if code == frames.TRANSFER:
            self._on_transfer(frame, now)
        elif code == frames.DISPOSITION:
            self._on_disposition(frame, now)
        elif code == frames.FLOW:
            self._on_flow(frame, now)
        elif code != frames.EMPTY:
            handler = _HANDLERS.get(code)
            if handler is None:
                raise CodecError(f"an unknown performative: 0x{code:x}")
            handler(self, frame, now)

    def _on_mechanisms(self, frame: Frame, now: float) -> None:
        del now
        offered = frame.field(0, [])
        if "ANONYMOUS" not in (offered if isinstance(offered, list) else [offered]):
            raise CodecError("the peer does not offer to sign in by token")
        self._write(frames.sasl_init("ANONYMOUS", b"", self.host))

    def _on_sasl_outcome(self, frame: Frame, now: float) -> None:
        if frame.field(0) != 0:
            error = AmqpError("amqp:unauthorized-access", "the peer refuses to be signed in to")
            self.lose(error, now)
            return
        self.state = State.AMQP_HEADER
        self._write(frames.AMQP_HEADER)
        host = self.host.partition(":")[0]
        self._write(frames.open_(self._container_id, host, int(IDLE_SECONDS * 1000)))
        self._write(frames.begin(_INCOMING_WINDOW, _INCOMING_WINDOW, _HANDLE_MAX))

    def _on_open(self, frame: Frame, now: float) -> None:
        del now
        self._peer_frame_bytes = min(frame.field(2, frames.MAX_FRAME_BYTES), 1_048_576)
        idle = frame.field(4)
        self._peer_idle = idle / 1000 if idle else None

    def _on_begin(self, frame: Frame, now: float) -> None:
        self._next_incoming_id = frame.field(1, 0)
        self._remote_window = frame.field(2, 0)
        self._handles = min(frame.field(4, _HANDLE_MAX), _HANDLE_MAX)
        self.state = State.OPEN
        self._spoke_at = now

    def _on_attach(self, frame: Frame, now: float) -> None:
        link = self._by_name.get(frame.fields[0])
        if link is None:
            return
        self._by_remote[frame.fields[1]] = link
        if frame.field(6 if link.is_receiver is False else 5) is None:
            return  # refused: the detach that follows says why
        if link.is_receiver:
            link.delivery_count = frame.field(9, 0)
        link.max_message_size = frame.field(10, 0)
        link.attached(now)

    def _on_transfer(self, frame: Frame, now: float) -> None:
        self._next_incoming_id = (self._next_incoming_id + 1) & _MASK
        link = self._by_remote.get(frame.fields[0])
        if link is None:
            return
        if link.part_head is None:
            tag, settled = frame.field(2, b""), frame.field(4, False)
            link.part_head = frame.field(1, 0), tag, settled, 0
        more, aborted = frame.field(5, False), frame.field(9, False)
        if more and not aborted:
            link.parts.append(frame.payload)
            return
        delivery_id, tag, _, _ = link.part_head
        payload = b"".join([*link.parts, frame.payload]) if link.parts else frame.payload
        link.parts, link.part_head = [], None
        if aborted:
            return
        link.delivery_count = (link.delivery_count + 1) & _MASK
        link.credit -= 1
        link.on_delivery(payload, delivery_id, tag, now)

    def _on_disposition(self, frame: Frame, now: float) -> None:
        fields = frame.fields
        first = fields[1]
        last = frame.field(2, first)
        outcome = outcome_of(frame.field(4))
        table = self._sent_by if fields[0] else self._taken_by
        if outcome is None:
            return
        if last == first:
            link = table.pop(first, None)
            if link is not None:
                link.on_outcome(first, outcome, now)
            return
        for delivery_id in range(first, first + ((last - first) & _MASK) + 1):
            link = table.pop(delivery_id & _MASK, None)
            if link is not None:
                link.on_outcome(delivery_id & _MASK, outcome, now)

    def _on_flow(self, frame: Frame, now: float) -> None:
        seen = frame.field(0, 0)
        window = (seen + frame.field(1, 0) - self._next_outgoing_id) & _MASK
        self._remote_window = window if window <= _MASK // 2 else 0
        while self._blocked and self._remote_window > 0:
            self._remote_window -= 1
            self._next_outgoing_id = (self._next_outgoing_id + 1) & _MASK
            self._output.append(self._blocked.popleft())
        handle = frame.field(4)
        link = None if handle is None else self._by_remote.get(handle)
        if link is not None:
            if link.is_receiver:
                link.delivery_count = frame.field(5, link.delivery_count)
                if frame.field(8, False):
                    link.credit = 0
            else:
                count = frame.field(5, 0)
                link.credit = (count + frame.field(6, 0) - link.delivery_count) & _MASK
                if link.credit > _MASK // 2:
                    link.credit = 0
            link.on_credit(now)
        if frame.field(9, False):
            self._write(frames.flow(self._session(), None))

    def _on_detach(self, frame: Frame, now: float) -> None:
        self._closing.pop(frame.fields[0], None)
        link = self._by_remote.pop(frame.fields[0], None)
        if link is None or link.handle is None:
            return
        error = error_of(frame.field(2))
        self._write(frames.detach(link.handle))
        self._take_down(link, error or AmqpError("amqp:link:detach-forced", "no reason given"), now)

    def _on_close(self, frame: Frame, now: float) -> None:
        error = error_of(frame.field(0)) or AmqpError("amqp:connection:forced", "no reason given")
        self._write(frames.close())
        self.lose(error, now)


_HANDLERS: dict[int, Any] = {
    frames.SASL_MECHANISMS: Connection._on_mechanisms,  # noqa: SLF001 - the table of this class
    frames.SASL_OUTCOME: Connection._on_sasl_outcome,  # noqa: SLF001
    frames.OPEN: Connection._on_open,  # noqa: SLF001
    frames.BEGIN: Connection._on_begin,  # noqa: SLF001
    frames.ATTACH: Connection._on_attach,  # noqa: SLF001
    frames.DETACH: Connection._on_detach,  # noqa: SLF001
    frames.END: Connection._on_close,  # noqa: SLF001 - one session: its end is the connection's
    frames.CLOSE: Connection._on_close,  # noqa: SLF001
}
