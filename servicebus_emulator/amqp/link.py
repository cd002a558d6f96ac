"""One end of a link (AMQP 1.0 transport 2.6)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from servicebus_emulator.amqp.attaching import acceptance, refusal
from servicebus_emulator.amqp.credit import Credit
from servicebus_emulator.amqp.errors import (
    NOT_ALLOWED,
    TRANSFER_LIMIT_EXCEEDED,
    AmqpError,
    LinkError,
    StateError,
)
from servicebus_emulator.amqp.events import LinkAttached, LinkDetached, LinkFlow
from servicebus_emulator.amqp.incoming import IncomingDelivery, whole_delivery
from servicebus_emulator.amqp.performatives import RECEIVER, SENDER, Detach
from servicebus_emulator.amqp.states import LINK, Input, LinkState, advance

if TYPE_CHECKING:
    from servicebus_emulator.amqp.events import DeliveryReceived
    from servicebus_emulator.amqp.outcomes import DeliveryState
    from servicebus_emulator.amqp.performatives import Attach, Flow, Source, Target, Transfer
    from servicebus_emulator.amqp.session import Session
    from servicebus_emulator.amqp.types import Described

MAX_DELIVERY_TAG: Final = 32


class Link:
    """One end of a link; made by `Session.attach` or by the peer's attach, never directly.

    Attributes:
        session: the session that carries it.
        name: chosen by the end that began the link.
        role: ours: `performatives.SENDER` (False) or `RECEIVER` (True).
        handle: our number for it.
        state: see `states.py`.
        local: our attach, None until it was sent.
        remote: the peer's attach, None until it came.
        local_error: why we detached, None if we did not or gave no reason.
        max_message_size: our limit for one delivery in bytes, 0 for none.
        context: free for the owner of the link, e.g. the node that serves it.
    """

    __slots__ = (
        "_credit",
        "_credit_window",
        "_incoming",
        "_reported",
        "context",
        "handle",
        "local",
        "local_error",
        "max_message_size",
        "name",
        "remote",
        "role",
        "session",
        "state",
    )

    def __init__(self, session: Session, name: str, role: bool, handle: int) -> None:
        self.session = session
        self.name = name
        self.role = role
        self.handle = handle
        self.state = LinkState.DETACHED
        self.local: Attach | None = None
        self.remote: Attach | None = None
        self.local_error: AmqpError | None = None
        self.max_message_size = 0
        self.context: Any = None
        self._credit = Credit()
        self._credit_window = 0
        self._incoming: IncomingDelivery | None = None
        self._reported = False

    @property
    def credit(self) -> int:
        """Deliveries that may be sent now (sender), or that the peer may still send (receiver).

        0 for a sender while the peer's session window is closed.
        """
        if self.role is SENDER and self.session.transfers.window <= 0:
            return 0
        return self._credit.left

    @property
    def delivery_count(self) -> int:
        """The link's delivery-count (2.6.7): it changes with each delivery and with drain."""
        return self._credit.delivery_count

    @property
    def attached(self) -> bool:
        """Both ends have attached and none has detached."""
        return self.state is LinkState.ATTACHED

    # --- commands ---------------------------------------------------------------------------

    @property
    def waiting_frames(self) -> int:
        """Frames of the session's deliveries that wait for the peer's window."""
        return self.session.waiting_frames

    def accept(
        self,
        *,
        source: Source | None = None,
        target: Target | Described | None = None,
        max_message_size: int = 0,
        properties: dict[Any, Any] | None = None,
        credit_window: int = 0,
    ) -> None:
        """Answer the peer's attach.

        What is not given is echoed (an empty terminus where the peer sent null, since clients
        read null as refusal).

        Args:
            source: instead of the peer's, e.g. with the filter that was applied.
            target: instead of the peer's.
            max_message_size: bytes, announced and enforced (see `DeliveryReceived.oversized`).
            properties: link properties.
            credit_window: see `replenish`; receivers only.

        Raises:
            StateError: the link is not waiting for an answer.
        """
        remote = self._unanswered()
        self.max_message_size = max_message_size
        self._send_attach(
            acceptance(
                self,
                remote,
                termini=(source, target),
                max_message_size=max_message_size,
                properties=properties,
            )
        )
        if credit_window:
            self.replenish(credit_window)
        if self.role is SENDER and (self._credit.left or self._credit.drain):
            self._emit_flow(echo=False, drain=self._credit.drain)

    def refuse(self, error: AmqpError) -> None:
        """Answer the peer's attach with null source and target, then detach closed with `error`.

        Raises:
            StateError: the link is not waiting for an answer.
        """
        self._unanswered()
        self.detach(error)

    def grant(self, credit: int) -> None:
        """Set the credit of the peer, our sender, to `credit` deliveries (absolute) and tell it.

        Raises:
            StateError: not an attached receiver.
        """
        self._require(RECEIVER)
        self._credit.left = credit
        self._send_flow()

    def replenish(self, credit_window: int) -> None:
        """Grant `credit_window` now, and again whenever less than half of it is left.

        Raises:
            StateError: not an attached receiver.
        """
        self._credit_window = credit_window
        self.grant(credit_window)

    def send(
        self,
        payload: bytes,
        *,
        delivery_tag: bytes,
        settled: bool = False,
        message_format: int = 0,
        ignore_credit: bool = False,
    ) -> int:
        """Send one delivery, split into frames; frames beyond the peer's window wait inside.

        Args:
            payload: the encoded message.
            delivery_tag: at most 32 bytes, unique among the link's unsettled deliveries.
            settled: send it settled; no disposition will come.
            message_format: 0 for a plain message.
            ignore_credit: for request/response links, whose client never renews its credit.

        Returns:
            The delivery-id.

        Raises:
            StateError: not an attached sender, or no credit.
            ValueError: the tag is too long.
        """
        self._require(SENDER)
        if self._credit.left <= 0 and not ignore_credit:
            raise StateError(f"link {self.name} has no credit")
        if len(delivery_tag) > MAX_DELIVERY_TAG:
            raise ValueError(f"a delivery-tag has at most {MAX_DELIVERY_TAG} bytes")
        self._credit.spend()
        return self.session.transfer(self, payload, delivery_tag, message_format, settled)

    def drained(self) -> None:
        """Nothing is left to send: use up the credit and tell so, if the peer asked for drain.

        Raises:
            StateError: not an attached sender.
        """
        self._require(SENDER)
        if not self._credit.drain:
            return
        self._credit.use_up()
        self._send_flow()
        self._credit.drain = False

    def drain(self) -> None:
        """Ask the sending peer to send what it has within the credit, and to use up the rest.

        The answer is a `LinkFlow` with `drain`.

        Raises:
            StateError: not an attached receiver.
        """
        self._require(RECEIVER)
        self._credit_window = 0
        self._credit.drain = True
        self._send_flow()

    def settle(
        self, first: int, last: int | None = None, *, outcome: DeliveryState, settled: bool = True
    ) -> None:
        """Send a disposition for the deliveries `first` to `last` (default: `first` alone).

        As receiver: our decision. As sender: confirm the decision that the peer told with
        settled=False. Neighbouring accepted ones leave as one frame. With `settled` the link
        forgets them. Deliveries that are not unsettled on this link are left out.
        """
        if self.state is not LinkState.ATTACHED:
            return
        if last is None or last == first:
            self.session.settle_one(self, first, outcome, settled)
        else:
            self.session.settle(self, first, last, outcome, settled)

    def detach(self, error: AmqpError | None = None, *, closed: bool = True) -> None:
        """Detach. Deliveries that still wait for the peer's window are dropped. Harmless twice.

        A link that the peer began and nobody accepted is refused.
        """
        if self.state is LinkState.ATTACH_RCVD:
            self._send_attach(refusal(self))
        if (self.state, Input.SEND_DETACH) not in LINK:
            return
        self.state = advance(LINK, self.state, Input.SEND_DETACH)
        self.local_error = error
        self.session.forget_deliveries(self)
        self.session.write(Detach(self.handle, closed, error))

    def _unanswered(self) -> Attach:
        if self.state is not LinkState.ATTACH_RCVD or self.remote is None:
            raise StateError(f"link {self.name} waits for no answer: {self.state.name}")
        return self.remote

    def _require(self, role: bool) -> None:
        if self.state is not LinkState.ATTACHED or self.role is not role:
            kind = "receiver" if role else "sender"
            raise StateError(f"link {self.name} is no attached {kind}: {self.state.name}")

    # --- frames out -------------------------------------------------------------------------

    def begin(self, attach: Attach) -> None:
        """Send the attach of a link that this end begins."""
        self.max_message_size = attach.max_message_size or 0
        self._send_attach(attach)

    def _send_attach(self, attach: Attach) -> None:
        self.session.write(attach)
        self.state = advance(LINK, self.state, Input.SEND_ATTACH)
        self.local = attach

    def _send_flow(self) -> None:
        flow = self.session.flow_frame()
        self.session.write(
            replace(
                flow,
                handle=self.handle,
                delivery_count=self._credit.delivery_count,
                link_credit=self._credit.left,
                available=0 if self.role is SENDER else None,
                drain=self._credit.drain,
            )
        )

    # --- frames in --------------------------------------------------------------------------

    def on_attach(self, attach: Attach) -> None:
        """Take the peer's attach."""
        self.state = advance(LINK, self.state, Input.RECV_ATTACH)
        self.remote = attach
        if self.role is RECEIVER:
            # A sender must give it; those that leave it out mean 0.
            self._credit.delivery_count = attach.initial_delivery_count or 0
        if self.state is not LinkState.DETACH_SENT:
            self.session.outlet.events.append(LinkAttached(self, attach))

    def on_detach(self, detach: Detach) -> None:
        """Take the peer's detach and answer it, unless it is the answer to ours."""
        unanswered = self.state is LinkState.ATTACH_RCVD
        self.state = advance(LINK, self.state, Input.RECV_DETACH)
        if self.state is LinkState.DETACH_RCVD:
            if unanswered:
                # The peer knows no handle of ours to which our detach could belong.
                self.session.write(refusal(self))
            self.state = advance(LINK, self.state, Input.SEND_DETACH)
            self.session.forget_deliveries(self)
            self.session.write(Detach(self.handle, closed=detach.closed))
        self._report_detached(detach.closed, detach.error)

    def on_fault(self, fault: LinkError) -> None:
        """Detach because the peer broke a rule of the link."""
        error = AmqpError(fault.condition, fault.description)
        self.detach(error)
        self._report_detached(True, error)

    def _report_detached(self, closed: bool, error: AmqpError | None) -> None:
        if not self._reported:
            self._reported = True
            self.session.outlet.events.append(LinkDetached(self, closed, error))

    def on_flow(self, flow: Flow) -> None:
        """Take the link part of a flow (2.6.7)."""
        attached = self.state is LinkState.ATTACHED  # as it nearly always is
        if not attached:
            self.state = advance(LINK, self.state, Input.RECV_FLOW)
            if self.state is LinkState.DETACH_SENT:
                return
        if self.role is SENDER:
            self._credit.take_receivers(flow)
        else:
            self._credit.take_senders(flow)
        if attached:
            if flow.echo and not (flow.drain and self.role is SENDER):
                self._send_flow()
            self._emit_flow(echo=flow.echo, drain=flow.drain)

    def _emit_flow(self, *, echo: bool, drain: bool) -> None:
        self.session.outlet.events.append(LinkFlow(self, self._credit.left, drain, echo))

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        """Take one frame of a delivery; report the delivery with its last one."""
        if self.state is not LinkState.ATTACHED:
            self.state = advance(LINK, self.state, Input.RECV_TRANSFER)
            return
        incoming = self._incoming
        if incoming is None:
            self._check_start()
            if not (transfer.more or transfer.aborted):
                self._report(whole_delivery(self, transfer, payload))
                return
            incoming = self._incoming = IncomingDelivery(transfer, self.max_message_size)
        incoming.add(transfer, payload)
        if transfer.aborted:
            self._forget_parts()
            self._count_delivery()
        elif transfer.more:
            self.session.outlet.note_unfinished(self)
        else:
            self._forget_parts()
            self._report(incoming.whole(self))

    def _check_start(self) -> None:
        if self.role is SENDER:
            raise LinkError(NOT_ALLOWED, "transfer to a sender")
        if self._credit.left <= 0:
            raise LinkError(TRANSFER_LIMIT_EXCEEDED, "transfer without credit")

    def _report(self, event: DeliveryReceived) -> None:
        session = self.session
        if not event.settled:
            session.received.add(event.delivery_id, self, event.delivery_tag)
        self._count_delivery()
        session.outlet.events.append(event)

    def _forget_parts(self) -> None:
        self._incoming = None
        self.session.outlet.unfinished.pop(self, None)

    def _count_delivery(self) -> None:
        self._credit.spend()
        if self._credit.left < self._credit_window // 2:
            self.grant(self._credit_window)
