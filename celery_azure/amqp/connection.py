"""One AMQP connection with one session, from its first byte to its last; no I/O, no clock.

Source: OASIS AMQP 1.0, parts 2 (transport) and 5.3 (SASL). Everything is driven by the client:
the peer's frames either answer what was asked, or belong to a link, or end something.
"""

from __future__ import annotations

from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from celery_azure.amqp import frames
from celery_azure.amqp import performatives as codes
from celery_azure.amqp.codec import CodecError
from celery_azure.amqp.deliveries import DISPOSITION_BYTES, Dispositions, OpenDeliveries
from celery_azure.amqp.frames import AmqpError, Frame, FrameReader, error_of
from celery_azure.amqp.isolation import call_each
from celery_azure.amqp.link import HIGHEST_HANDLE, LinkTable
from celery_azure.amqp.pulse import IDLE_SECONDS, Need, Pulse
from celery_azure.amqp.serials import MASK, OutgoingWindow

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_azure.amqp.link import Link

CONNECTION_LOST = "amqp:connection:lost"
"""Our own condition: the socket is gone and nobody has said why."""

FRAME_TOO_SMALL = "amqp:frame-size-too-small"
"""What is to be said does not fit into the frames that the peer takes (2.8.15)."""

_INCOMING_WINDOW = 0x7FFFFFFF
_SMALLEST_PEER_FRAME = 512
"""Every peer takes frames of this many bytes (2.7.1)."""

_LARGEST_PEER_FRAME = 1_048_576
_TRANSFER_BYTES = 64
"""Room for a transfer without its payload."""


class State(Enum):
    """Where a connection is in its life."""

    SASL_HEADER = auto()
    SASL = auto()
    AMQP_HEADER = auto()
    OPEN_SENT = auto()
    BEGIN_SENT = auto()
    OPEN = auto()
    CLOSED = auto()


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
        self._settled = Dispositions()
        self._links = LinkTable(container_id)
        self._deliveries = OpenDeliveries()
        self._next_delivery_id = 0
        self._next_incoming_id = 0
        self._window = OutgoingWindow()
        self._peer_frame_bytes = _SMALLEST_PEER_FRAME
        self._pulse = Pulse(now)

    # -- bytes -----------------------------------------------------------------------------------

    def take_output(self) -> bytes:
        """What is to be written to the socket now."""
        if not self._output and not self._settled:
            return b""
        data = b"".join([*self._settled.take(), *self._output])
        self._output.clear()
        self._pulse.wrote(len(data))
        return data

    def receive(self, data: bytes, now: float) -> None:
        """Take what the socket has given."""
        self._pulse.heard(now)
        try:
            for item in self._reader.feed(data):
                if isinstance(item, bytes):
                    self._on_header(item)
                elif self.state is not State.CLOSED:
                    self._on_frame(item, now)
        except CodecError as error:
            self._refuse(AmqpError("amqp:decode-error", str(error)), now)

    def deadline(self) -> float:
        """When `expire` wants to be called."""
        return self._pulse.deadline(is_open=self.state is State.OPEN)

    def expire(self, now: float) -> None:
        """Do what the time asks for: keep the peer awake, or give it up."""
        if self.state is State.CLOSED:
            return
        is_open = self.state is State.OPEN
        need = self._pulse.look(now, is_open=is_open, is_owed=self._is_owed)
        if need is Need.END:
            what = "the peer has gone silent" if is_open else "the peer does not answer"
            self.lose(AmqpError(CONNECTION_LOST, what), now)
        elif need is Need.ECHO:
            self._write(frames.flow(self._session(), None, echo=True))
        elif need is Need.SIGN_OF_LIFE:
            self._write(frames.EMPTY_FRAME)

    def _is_owed(self) -> bool:
        """Whether the peer has yet to answer something."""
        return bool(self._deliveries) or any(not link.is_attached for link in self._links.all())

    def lose(self, error: AmqpError, now: float) -> None:
        """End the connection; every link on it goes down with this error.

        Raises:
            Exception: What the first of the links has raised that failed to take it; the others
                are told all the same.
        """
        if self.state is State.CLOSED:
            return
        self.state, self.error = State.CLOSED, error
        links = self._links.all()
        for link in links:  # all of them first: none is to be used by what another one does
            self._forget(link)
        call_each(partial(link.down, error, now) for link in links)

    def _refuse(self, error: AmqpError, now: float) -> None:
        """End the connection because of what the peer does, and tell it so."""
        if self.state in _TALKING:
            self._write(frames.close(error))
        self.lose(error, now)

    def close(self, now: float) -> None:
        """Say good-bye."""
        if self.state is State.OPEN:
            self._output.append(frames.close())
        self.lose(AmqpError(CONNECTION_LOST, "closed by this end"), now)

    # -- links -----------------------------------------------------------------------------------

    def attach(self, link: Link) -> None:
        """Begin to attach a link.

        Raises:
            AmqpError: The connection takes no more links, or no frame that holds the names of this.
        """
        name, handle = self._links.add(link)
        link.begin(self, handle)
        frame = link.attach_frame(name, handle, self.host)
        if len(frame) > self._peer_frame_bytes:
            self._forget(link)
            sizes = f"{self._peer_frame_bytes} bytes, and the link needs {len(frame)}"
            raise AmqpError(FRAME_TOO_SMALL, f"the peer takes frames of {sizes}")
        self._write(frame)

    def detach(self, link: Link) -> None:
        """Close a link; its owner is told nothing more."""
        self._detach(link, None)

    def _detach(self, link: Link, error: AmqpError | None) -> None:
        if link.handle is None or link.connection is not self:
            return
        self._write(frames.detach(link.handle, error))
        self._links.close(link)
        self._forget(link)

    def send(self, link: Link, payload: bytes, message_format: int = 0) -> int:
        """Send a delivery, unsettled; its number. The link must have credit."""
        delivery_id = self._next_delivery_id
        self._next_delivery_id = (delivery_id + 1) & MASK
        link.credit -= 1
        link.delivery_count = (link.delivery_count + 1) & MASK
        self._deliveries.sent(delivery_id, link)
        head = link.handle or 0, delivery_id, delivery_id.to_bytes(4, "big"), message_format
        room = self._peer_frame_bytes - _TRANSFER_BYTES
        at = 0
        while True:
            part = payload[at : at + room]
            at += room
            more = at < len(payload)
            frame = frames.transfer(head, settled=False, more=more, payload=part)
            self._window.put(link, frame, self._output)
            if not more:
                return delivery_id

    def settle(self, link: Link, delivery_id: int, state: bytes) -> bool:
        """Tell the outcome of a delivery that came in, and wait for the peer's word on it.

        Those that follow each other and have the same one are told together. False when nothing is
        told, because the peer takes no frame of this length.
        """
        if len(state) + DISPOSITION_BYTES > self._peer_frame_bytes:
            return False
        self._deliveries.taken(delivery_id, link)
        self._settled.add(delivery_id, state)
        return True

    def give_credit(self, link: Link, credit: int, *, drain: bool = False) -> None:
        """Let the peer send that many more messages on a link."""
        link.grant(credit)
        self._tell(link, drain=drain)

    # -- inside ----------------------------------------------------------------------------------

    def _write(self, frame: bytes) -> None:
        self._output.append(frame)

    def _tell(self, link: Link, *, drain: bool = False) -> None:
        """Tell the peer the state of the session, and of a link."""
        state = link.handle or 0, link.delivery_count, max(0, link.credit), drain
        self._write(frames.flow(self._session(), state))

    def _session(self) -> tuple[int, int, int, int]:
        window = _INCOMING_WINDOW
        return self._next_incoming_id, window, self._window.next_id, window

    def _forget(self, link: Link) -> None:
        self._links.remove(link)
        self._deliveries.forget(link)
        self._window.forget(link)
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
        if code == frames.EMPTY:
            return
        step = _STEPS.get(code)
        if step is None or self.state not in step.states:
            raise CodecError(f"performative 0x{code:x} out of turn")
        step.take(self, frame, now)

    # -- the beginning ---------------------------------------------------------------------------

    def _on_mechanisms(self, frame: Frame, now: float) -> None:
        del now
        offered = frame.fields[0]
        if "ANONYMOUS" not in (offered if isinstance(offered, list) else [offered]):
            raise CodecError("the peer does not offer to sign in by token")
        self._write(frames.sasl_init("ANONYMOUS", b"", self.host))

    def _on_sasl_outcome(self, frame: Frame, now: float) -> None:
        if frame.fields[0] != 0:
            error = AmqpError("amqp:unauthorized-access", "the peer refuses to be signed in to")
            self.lose(error, now)
            return
        self.state = State.AMQP_HEADER
        self._write(frames.AMQP_HEADER)
        host = self.host.partition(":")[0]
        self._write(frames.open_(self._container_id, host, int(IDLE_SECONDS * 1000)))
        self._write(frames.begin(_INCOMING_WINDOW, _INCOMING_WINDOW, HIGHEST_HANDLE))

    def _on_open(self, frame: Frame, now: float) -> None:
        size = frame.field(2, _LARGEST_PEER_FRAME)
        if size < _SMALLEST_PEER_FRAME:
            text = f"a peer takes frames of {_SMALLEST_PEER_FRAME} bytes at least, not of {size}"
            self._refuse(AmqpError("amqp:invalid-field", text), now)
            return
        self._peer_frame_bytes = min(size, _LARGEST_PEER_FRAME)
        self._pulse.expects(frame.field(4))
        self.state = State.BEGIN_SENT

    def _on_begin(self, frame: Frame, now: float) -> None:
        self._next_incoming_id = frame.fields[1]
        self._window.open(frame.fields[2])
        self._links.highest = min(frame.field(4, HIGHEST_HANDLE), HIGHEST_HANDLE)
        self.state = State.OPEN
        self._pulse.opened(now)

    # -- links, messages, settlements ------------------------------------------------------------

    def _on_attach(self, frame: Frame, now: float) -> None:
        name, handle, role = frame.fields[:3]
        link = self._links.named(name)
        if link is None:
            return  # it was detached before the peer has answered
        if role is link.is_receiver:
            raise CodecError("a link both of whose ends are the same")
        self._links.answer(link, handle)
        if frame.field(5 if link.is_receiver else 6) is None:
            return  # refused: the detach that follows says why
        if link.is_receiver:
            link.delivery_count = frame.field(9, 0)
        link.max_message_size = frame.field(10, 0)
        link.attached(now)

    def _on_transfer(self, frame: Frame, now: float) -> None:
        self._next_incoming_id = (self._next_incoming_id + 1) & MASK
        link = self._links.at(frame.fields[0])
        if link is None:
            return  # it was under way when the link was detached
        if not link.is_receiver:
            raise CodecError("a message on a link that sends")
        if link.is_overrun:
            error = AmqpError("amqp:link:transfer-limit-exceeded", "more messages than credit")
            self._detach(link, error)
            link.down(error, now)
            return
        whole = link.take_transfer(frame)
        if whole is not None:
            link.on_delivery(*whole, now)

    def _on_disposition(self, frame: Frame, now: float) -> None:
        for link, number, outcome, waits in self._deliveries.hear(frame):
            if waits:
                self._write(
                    frames.disposition(
                        is_receiver=False, first=number, last=number, settled=True, state=b"\x40"
                    )
                )
            link.on_outcome(number, outcome, now)

    def _on_flow(self, frame: Frame, now: float) -> None:
        self._window.update(frame.field(0), frame.fields[1], self._output)
        handle = frame.field(4)
        link = None if handle is None else self._links.at(handle)
        must_answer = frame.field(9, False)
        if link is None:
            if must_answer and handle is None:
                self._write(frames.flow(self._session(), None))
            return
        link.take_flow(frame)
        link.on_credit(now)
        drain = not link.is_receiver and frame.field(8, False)
        if drain:  # what has not been used is used up
            link.delivery_count = (link.delivery_count + link.credit) & MASK
            link.credit = 0
        if (drain or must_answer) and link.handle is not None:
            self._tell(link, drain=drain)

    # -- the end ---------------------------------------------------------------------------------

    def _on_detach(self, frame: Frame, now: float) -> None:
        link = self._links.end(frame.fields[0])
        if link is None or link.handle is None:
            return
        error = error_of(frame.field(2))
        self._write(frames.detach(link.handle))
        self._take_down(link, error or AmqpError("amqp:link:detach-forced", "no reason given"), now)

    def _on_close(self, frame: Frame, now: float) -> None:
        error = error_of(frame.field(0)) or AmqpError("amqp:connection:forced", "no reason given")
        self._write(frames.close())
        self.lose(error, now)


_TALKING = (State.OPEN_SENT, State.BEGIN_SENT, State.OPEN)


class _Step(NamedTuple):
    """What is done with a performative, and in which states it may come."""

    take: Callable[[Connection, Frame, float], None]
    states: tuple[State, ...]


_SIGNING_IN, _RUNNING = (State.SASL,), (State.OPEN,)
_STEPS = {
    codes.SASL_MECHANISMS: _Step(Connection._on_mechanisms, _SIGNING_IN),  # noqa: SLF001 - its table
    codes.SASL_OUTCOME: _Step(Connection._on_sasl_outcome, _SIGNING_IN),  # noqa: SLF001
    codes.OPEN: _Step(Connection._on_open, (State.OPEN_SENT,)),  # noqa: SLF001
    codes.BEGIN: _Step(Connection._on_begin, (State.BEGIN_SENT,)),  # noqa: SLF001
    codes.ATTACH: _Step(Connection._on_attach, _RUNNING),  # noqa: SLF001
    codes.FLOW: _Step(Connection._on_flow, _RUNNING),  # noqa: SLF001
    codes.TRANSFER: _Step(Connection._on_transfer, _RUNNING),  # noqa: SLF001
    codes.DISPOSITION: _Step(Connection._on_disposition, _RUNNING),  # noqa: SLF001
    codes.DETACH: _Step(Connection._on_detach, _RUNNING),  # noqa: SLF001
    # One session: its end is the connection's.
    codes.END: _Step(Connection._on_close, _RUNNING),  # noqa: SLF001
    codes.CLOSE: _Step(Connection._on_close, _TALKING),  # noqa: SLF001
}
