"""One end of a session (AMQP 1.0 transport 2.5)."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final

from servicebus_emulator.amqp.errors import (
    FRAMING_ERROR,
    HANDLE_IN_USE,
    INVALID_FIELD,
    STOLEN,
    UNATTACHED_HANDLE,
    WINDOW_VIOLATION,
    AmqpError,
    LinkError,
    ProtocolError,
    SessionError,
    StateError,
)
from servicebus_emulator.amqp.events import (
    DispositionReceived,
    SessionBegun,
    SessionEnded,
    SessionFlow,
)
from servicebus_emulator.amqp.fast_paths import encode_transfer
from servicebus_emulator.amqp.framing import HEADER_SIZE
from servicebus_emulator.amqp.link import Link
from servicebus_emulator.amqp.outcomes import Accepted, from_described, to_described
from servicebus_emulator.amqp.performatives import (
    RECEIVER,
    SENDER,
    Attach,
    Begin,
    Detach,
    Disposition,
    End,
    Flow,
    Source,
    Target,
    Transfer,
)
from servicebus_emulator.amqp.schemas import LinkFrame, encode_body
from servicebus_emulator.amqp.serial import SERIAL_MASK, serial_distance
from servicebus_emulator.amqp.states import SESSION, Input, LinkState, SessionState, advance
from servicebus_emulator.amqp.transfers import TransferQueue, split_delivery
from servicebus_emulator.amqp.unsettled import Unsettled

if TYPE_CHECKING:
    from servicebus_emulator.amqp.outcomes import DeliveryState
    from servicebus_emulator.amqp.outlet import Outlet
    from servicebus_emulator.amqp.types import Described

HANDLE_MAX: Final = 1023
INCOMING_WINDOW: Final = 65535
OUTGOING_WINDOW: Final = 65535


class Session:
    """One end of a session; made by `Connection.begin` or by the peer's begin.

    Attributes:
        channel: our channel number.
        outlet: where its frames and events go.
        transfers: of its deliveries, on their way out.
        sent, received: its deliveries that are not settled.
        state: see `states.py`.
        links: all links by (name, our role), attached or waiting for an answer.
        properties: of the peer's begin.
        context: free for the owner.
    """

    def __init__(self, channel: int, outlet: Outlet) -> None:
        self.channel = channel
        self.outlet = outlet
        self.state = SessionState.UNMAPPED
        self.links: dict[tuple[str, bool], Link] = {}
        self.properties: dict[Any, Any] = {}
        self.context: Any = None
        self._by_handle: dict[int, Link] = {}
        self._handles: set[int] = set()
        self.sent: Unsettled[Link] = Unsettled()
        self.received: Unsettled[Link] = Unsettled()
        self.transfers: TransferQueue[Link] = TransferQueue(channel, outlet)
        self._next_delivery_id = 0
        self._next_incoming_id: int | None = None
        self._incoming_window = INCOMING_WINDOW

    @property
    def waiting_frames(self) -> int:
        """Frames of deliveries that wait for the peer's incoming window."""
        return len(self.transfers)

    @property
    def window_open(self) -> bool:
        """The peer's incoming window takes more transfer frames, and none of ours waits."""
        return self.transfers.window > 0

    def unsettled(self) -> list[tuple[Link, bytes]]:
        """The deliveries that were sent and not settled: link and delivery-tag of each."""
        return self.sent.all()

    # --- commands ---------------------------------------------------------------------------

    def attach(
        self,
        name: str,
        role: bool,
        *,
        source: Source | None,
        target: Target | Described | None,
        snd_settle_mode: int = 2,
        rcv_settle_mode: int = 0,
        max_message_size: int = 0,
        properties: dict[Any, Any] | None = None,
    ) -> Link:
        """Begin a link with our `role`; `LinkAttached` follows.

        Raises:
            StateError: the session is not begun, or has a link of this name and role.
        """
        if (self.state, Input.SEND_WORK) not in SESSION or (name, role) in self.links:
            raise StateError(f"cannot attach {name} in state {self.state.name}")
        link = self._new_link(name, role)
        link.begin(
            Attach(
                name=name,
                handle=link.handle,
                role=role,
                snd_settle_mode=snd_settle_mode,
                rcv_settle_mode=rcv_settle_mode,
                source=source,
                target=target,
                initial_delivery_count=0 if role is SENDER else None,
                max_message_size=max_message_size,
                properties=properties or {},
            )
        )
        return link

    def end(self, error: AmqpError | None = None) -> None:
        """End the session; `SessionEnded` follows when the peer agrees. Harmless twice."""
        if (self.state, Input.SEND_END) not in SESSION:
            return
        self.state = advance(SESSION, self.state, Input.SEND_END)
        self._write_end(error)

    def _write_end(self, error: AmqpError | None) -> None:
        self._silence_links()
        self.outlet.write(self.channel, encode_body(End(error)))

    def drop(self) -> None:
        """Forget everything: the connection is gone."""
        self.state = SessionState.UNMAPPED
        self._silence_links()

    def _silence_links(self) -> None:
        self.transfers.clear()
        self.sent.clear()
        self.received.clear()
        # A link that was stolen from is on its handle only.
        for link in {*self.links.values(), *self._by_handle.values()}:
            link.state = LinkState.DETACHED

    def _new_link(self, name: str, role: bool) -> Link:
        handle = next(number for number in count() if number not in self._handles)
        self._handles.add(handle)
        link = self.links[name, role] = Link(self, name, role, handle)
        return link

    # --- for its links ----------------------------------------------------------------------

    def write(self, performative: LinkFrame) -> None:
        """Send a frame of a link."""
        self.outlet.write(self.channel, encode_body(performative))

    def flow_frame(self) -> Flow:
        """Make a flow with the session's part filled in (2.5.6); it opens the window again."""
        self._incoming_window = INCOMING_WINDOW
        return Flow(
            next_incoming_id=self._next_incoming_id,
            incoming_window=INCOMING_WINDOW,
            next_outgoing_id=self.transfers.next_id,
            outgoing_window=OUTGOING_WINDOW,
        )

    def transfer(
        self, link: Link, payload: bytes, tag: bytes, message_format: int, settled: bool
    ) -> int:
        """Send a delivery in as many frames as the peer's limit asks; return its delivery-id."""
        delivery_id = self._next_delivery_id
        self._next_delivery_id = (delivery_id + 1) & SERIAL_MASK
        if not settled:
            self.sent.add(delivery_id, link, tag)
        room = self.outlet.max_frame_size - HEADER_SIZE
        first = encode_transfer(link.handle, delivery_id, tag, message_format, settled)
        if len(first) + len(payload) <= room:
            self.transfers.put(link, first, payload)
        else:
            for body, part in split_delivery(link.handle, first, payload, room, settled):
                self.transfers.put(link, body, part)
        return delivery_id

    def forget_deliveries(self, link: Link) -> None:
        """Drop what a detached link left behind."""
        self.transfers.forget(link)
        self.sent.forget(link)
        self.received.forget(link)

    def settle(
        self, link: Link, first: int, last: int, outcome: DeliveryState, settled: bool
    ) -> None:
        """Send dispositions for those of `link`'s unsettled deliveries that are in the range."""
        unsettled = self.received if link.role is RECEIVER else self.sent
        for delivery_id in unsettled.between(first, last):
            self.settle_one(link, delivery_id, outcome, settled)

    def settle_one(
        self, link: Link, delivery_id: int, outcome: DeliveryState, settled: bool
    ) -> None:
        """Send a disposition for a delivery, if it is one of `link`'s that are unsettled."""
        unsettled = self.received if link.role is RECEIVER else self.sent
        if not unsettled.settle(delivery_id, link, settled):
            return
        if settled and isinstance(outcome, Accepted):
            self.outlet.accept(self.channel, link.role, delivery_id)
        else:
            state = to_described(outcome)
            self.write(Disposition(link.role, delivery_id, delivery_id, settled, state))

    # --- frames in --------------------------------------------------------------------------

    def begin(self, remote_channel: int | None, properties: dict[Any, Any] | None) -> None:
        """Send begin: our own (None) or the answer to the peer's on `remote_channel`."""
        begin = Begin(
            remote_channel=remote_channel,
            next_outgoing_id=self.transfers.next_id,
            incoming_window=INCOMING_WINDOW,
            outgoing_window=OUTGOING_WINDOW,
            handle_max=HANDLE_MAX,
            properties=properties or {},
        )
        self.state = advance(SESSION, self.state, Input.SEND_BEGIN)
        self.outlet.write(self.channel, encode_body(begin))

    def on_begin(self, begin: Begin, remote_channel: int) -> None:
        """Take the peer's begin and answer it, unless it is the answer to ours."""
        self.state = advance(SESSION, self.state, Input.RECV_BEGIN)
        self._next_incoming_id = begin.next_outgoing_id
        self.transfers.window = begin.incoming_window
        self.properties = begin.properties or {}
        if self.state is SessionState.BEGIN_RCVD:
            self.begin(remote_channel, None)
        if self.state is SessionState.MAPPED:
            self.outlet.events.append(SessionBegun(self))

    def on_end(self, end: End) -> None:
        """Take the peer's end and answer it, unless it is the answer to ours."""
        reported = self.state is SessionState.DISCARDING
        self.state = advance(SESSION, self.state, Input.RECV_END)
        if self.state is SessionState.END_RCVD:
            self.state = advance(SESSION, self.state, Input.SEND_END)
            self._write_end(None)
        if not reported:
            self.outlet.events.append(SessionEnded(self, end.error))

    def receive(self, performative: LinkFrame, payload: bytes) -> None:
        """Take a frame of the session's links, or a session flow.

        A fault of the peer ends the link or the session, and no more.

        Raises:
            ProtocolError: a fault that costs the connection.
        """
        if self.state is not SessionState.MAPPED:
            self.state = advance(SESSION, self.state, Input.RECV_WORK)
            return
        try:
            if isinstance(performative, Transfer):
                self._on_transfer(performative, payload)
            elif isinstance(performative, Disposition):
                self._on_disposition(performative)
            elif isinstance(performative, Flow):
                self._on_flow(performative)
            elif isinstance(performative, Attach):
                self._on_attach(performative)
            else:
                self._on_detach(performative)
        except SessionError as fault:
            self._fail(fault)

    def _fail(self, fault: SessionError) -> None:
        error = AmqpError(fault.condition, fault.description)
        self.state = advance(SESSION, self.state, Input.SEND_FAILURE)
        self._write_end(error)
        self.outlet.events.append(SessionEnded(self, error))

    def _link(self, handle: int) -> Link:
        try:
            return self._by_handle[handle]
        except KeyError:
            raise SessionError(UNATTACHED_HANDLE, f"no link on handle {handle}") from None

    def _on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        link = self._link(transfer.handle)
        self._next_incoming_id = ((self._next_incoming_id or 0) + 1) & SERIAL_MASK
        self._incoming_window -= 1
        if self._incoming_window < 0:
            raise SessionError(WINDOW_VIOLATION, "transfer beyond the incoming window")
        try:
            link.on_transfer(transfer, payload)
        except LinkError as fault:
            link.on_fault(fault)
        if self._incoming_window < INCOMING_WINDOW // 2:
            self.write(self.flow_frame())

    def _on_flow(self, flow: Flow) -> None:
        transfers = self.transfers
        was_open = transfers.window > 0
        self._next_incoming_id = flow.next_outgoing_id
        # Before it has seen our begin the peer cannot know our ids: ours start at 0.
        transfers.open_window(flow.next_incoming_id or 0, flow.incoming_window)
        if flow.handle is not None:
            link = self._link(flow.handle)
            try:
                link.on_flow(flow)
            except LinkError as fault:
                link.on_fault(fault)
        elif flow.echo:
            self.write(self.flow_frame())
        if not was_open and transfers.window > 0:
            self.outlet.events.append(SessionFlow(self))

    def _on_attach(self, attach: Attach) -> None:
        if attach.handle > HANDLE_MAX:
            raise ProtocolError(FRAMING_ERROR, f"handle {attach.handle} above handle-max")
        if attach.handle in self._by_handle:
            raise SessionError(HANDLE_IN_USE, f"handle {attach.handle} is in use")
        role = not attach.role
        link = self.links.get((attach.name, role))
        if link is None or link.remote is not None:
            if link is not None:
                link.detach(AmqpError(STOLEN, "the link was attached again"))
            link = self._new_link(attach.name, role)
        self._by_handle[attach.handle] = link
        link.on_attach(attach)

    def _on_detach(self, detach: Detach) -> None:
        link = self._link(detach.handle)
        link.on_detach(detach)
        del self._by_handle[detach.handle]
        self._handles.discard(link.handle)
        if self.links.get((link.name, link.role)) is link:
            del self.links[link.name, link.role]

    def _on_disposition(self, frame: Disposition) -> None:
        unsettled = self.sent if frame.role is RECEIVER else self.received
        last = frame.first if frame.last is None else frame.last
        if last != frame.first and serial_distance(frame.first, last) < 0:
            raise SessionError(INVALID_FIELD, "a disposition whose last is before its first")
        outcome = from_described(frame.state)
        for link, deliveries in unsettled.take(frame.first, last, forget=frame.settled).items():
            event = DispositionReceived(link, deliveries, outcome, frame.settled)
            self.outlet.events.append(event)
