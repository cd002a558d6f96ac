"""What a connection reports: one dataclass per thing that the peer did.

The connection answers open, begin, close, end and detach by itself. Left to the reader of these
events: judge credentials, accept or refuse links, grant credit, send, settle.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from servicebus_emulator.plain_data import Record

if TYPE_CHECKING:
    from servicebus_emulator.amqp.errors import AmqpError
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.amqp.outcomes import DeliveryState
    from servicebus_emulator.amqp.performatives import Attach, Open
    from servicebus_emulator.amqp.session import Session


@dataclass(slots=True, eq=False, repr=False)
class AuthenticationRequested(Record):
    """SASL PLAIN was chosen: answer with `Connection.authenticate(accepted=...)`.

    Input stays buffered until then. ANONYMOUS and MSSBCBS are accepted without asking.
    """

    mechanism: str
    user: str
    password: str = field(repr=False)


@dataclass(slots=True, eq=False, repr=False)
class ConnectionOpened(Record):
    """Open has been received (and answered). `idle_time_out` in milliseconds, 0 is none."""

    container_id: str
    hostname: str | None
    max_frame_size: int
    channel_max: int
    idle_time_out: int
    properties: dict[Any, Any]
    user: str | None

    @classmethod
    def by(cls, opened: Open, user: str | None) -> ConnectionOpened:
        """Report the open of a peer that has signed in with this name, or with none."""
        return cls(
            container_id=opened.container_id,
            hostname=opened.hostname,
            max_frame_size=opened.max_frame_size,
            channel_max=opened.channel_max,
            idle_time_out=opened.idle_time_out or 0,
            properties=opened.properties or {},
            user=user,
        )


@dataclass(slots=True, eq=False, repr=False)
class SessionBegun(Record):
    """A session is mapped: the peer's begin was answered, or it answered ours."""

    session: Session


@dataclass(slots=True, eq=False, repr=False)
class LinkAttached(Record):
    """The peer sent an attach.

    Of a link that the peer began: answer with `link.accept(...)` or `link.refuse(error)`, now
    or later. Of a link that we began (`link.state` is ATTACHED): nothing to do; a null source
    and target in `attach` announce that the peer refuses and will detach.
    """

    link: Link
    attach: Attach


@dataclass(slots=True, eq=False, repr=False)
class LinkFlow(Record):
    """The receiving peer of `link` (we send) said how much it can take.

    Attributes:
        link: the link, whose `credit` is already updated.
        credit: deliveries that can be sent now (absolute).
        drain: send what there is, then call `link.drained()`.
        echo: the peer asked for our state; it has been sent already unless `drain`.

    For a link on which we receive: `credit` is what is left of ours, `drain` that the sender
    has used up the rest.
    """

    link: Link
    credit: int
    drain: bool
    echo: bool


@dataclass(slots=True, eq=False, repr=False)
class SessionFlow(Record):
    """The peer's incoming window opened: links that waited for it may send again."""

    session: Session


@dataclass(slots=True, eq=False, repr=False)
class DeliveryReceived(Record):
    """A whole delivery, all its frames joined.

    Attributes:
        link: the link that received it.
        delivery_id: number for the disposition.
        delivery_tag: the sender's tag.
        message_format: 0 for a plain message.
        settled: the sender does not wait for a disposition.
        payload: the encoded message; empty when `oversized`.
        size: bytes that arrived.
        oversized: more bytes than the link's `max_message_size` arrived and were dropped:
            reject it or detach the link with amqp:link:message-size-exceeded.
        state: the delivery state in the transfer, e.g. a transactional one.
    """

    link: Link
    delivery_id: int
    delivery_tag: bytes
    message_format: int
    settled: bool
    payload: bytes
    size: int
    oversized: bool = False
    state: DeliveryState | None = None


@dataclass(slots=True, eq=False, repr=False)
class DispositionReceived(Record):
    """The peer's word on unsettled deliveries of one link.

    Attributes:
        link: the link that sent the deliveries, or received them when the peer is the sender.
        deliveries: delivery-id to delivery-tag of those that were still unsettled.
        outcome: the state, None when the frame had none.
        settled: the peer has forgotten them, and so does the link. When False, answer with
            `link.settle(...)`.
    """

    link: Link
    deliveries: dict[int, bytes]
    outcome: DeliveryState | None
    settled: bool


@dataclass(slots=True, eq=False, repr=False)
class LinkDetached(Record):
    """The link is gone: the peer detached (answered already), or a fault of the peer did it.

    Attributes:
        link: the link, no longer usable.
        closed: for good, not only detached.
        error: the peer's reason, or ours when `link.local_error` is set.
    """

    link: Link
    closed: bool
    error: AmqpError | None


@dataclass(slots=True, eq=False, repr=False)
class SessionEnded(Record):
    """The session is gone, and with it all its links: no LinkDetached is reported for them."""

    session: Session
    error: AmqpError | None


@dataclass(slots=True, eq=False, repr=False)
class ConnectionClosed(Record):
    """The connection is gone, and with it all sessions and links; reported once, the last event.

    `error` is the peer's reason, or ours; None also when the transport just ended.
    """

    error: AmqpError | None


@dataclass(slots=True, eq=False, repr=False)
class ProtocolFailed(Record):
    """The peer broke the protocol: close has been sent if possible, ConnectionClosed follows."""

    condition: str
    description: str


Event = (
    AuthenticationRequested
    | ConnectionOpened
    | SessionBegun
    | LinkAttached
    | LinkFlow
    | SessionFlow
    | DeliveryReceived
    | DispositionReceived
    | LinkDetached
    | SessionEnded
    | ConnectionClosed
    | ProtocolFailed
)
