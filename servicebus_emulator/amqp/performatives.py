"""The nine performatives and the termini of links (AMQP 1.0 transport 2.7, messaging 3.5).

Field values are plain Python (`int`, `str`, `bool`, `bytes`); `schemas.py` knows the AMQP type of
every field. Maps keep the codec's AMQP types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from servicebus_emulator.plain_data import Record

if TYPE_CHECKING:
    from servicebus_emulator.amqp.errors import AmqpError
    from servicebus_emulator.amqp.types import Described

SENDER = False
RECEIVER = True


@dataclass(slots=True, eq=False, repr=False)
class Source(Record):
    """Where messages of a link come from (messaging 3.5.3)."""

    address: str | None = None
    durable: int = 0
    expiry_policy: str = "session-end"
    timeout: int = 0
    dynamic: bool = False
    dynamic_node_properties: dict[Any, Any] | None = None
    distribution_mode: str | None = None
    filter: dict[Any, Any] | None = None
    default_outcome: Described | None = None
    outcomes: tuple[str, ...] | None = None
    capabilities: tuple[str, ...] | None = None


@dataclass(slots=True, eq=False, repr=False)
class Target(Record):
    """Where messages of a link go to (messaging 3.5.4)."""

    address: str | None = None
    durable: int = 0
    expiry_policy: str = "session-end"
    timeout: int = 0
    dynamic: bool = False
    dynamic_node_properties: dict[Any, Any] | None = None
    capabilities: tuple[str, ...] | None = None


@dataclass(slots=True, eq=False, repr=False)
class Open(Record):
    """Negotiate connection parameters (2.7.1). `idle_time_out` in milliseconds."""

    container_id: str
    hostname: str | None = None
    max_frame_size: int = 4294967295
    channel_max: int = 65535
    idle_time_out: int | None = None
    outgoing_locales: tuple[str, ...] | None = None
    incoming_locales: tuple[str, ...] | None = None
    offered_capabilities: tuple[str, ...] | None = None
    desired_capabilities: tuple[str, ...] | None = None
    properties: dict[Any, Any] | None = None


@dataclass(slots=True, eq=False, repr=False)
class Begin(Record):
    """Begin a session on a channel (2.7.2)."""

    remote_channel: int | None
    next_outgoing_id: int
    incoming_window: int
    outgoing_window: int
    handle_max: int = 4294967295
    offered_capabilities: tuple[str, ...] | None = None
    desired_capabilities: tuple[str, ...] | None = None
    properties: dict[Any, Any] | None = None


@dataclass(slots=True, eq=False, repr=False)
class Attach(Record):
    """Attach a link to a session (2.7.3).

    `role` is the sender's of this frame: False sender, True receiver. `target` is `Described`
    when it is no ordinary target, e.g. a transaction coordinator.
    """

    name: str
    handle: int
    role: bool
    snd_settle_mode: int = 2
    rcv_settle_mode: int = 0
    source: Source | None = None
    target: Target | Described | None = None
    unsettled: dict[Any, Any] | None = None
    incomplete_unsettled: bool = False
    initial_delivery_count: int | None = None
    max_message_size: int | None = None
    offered_capabilities: tuple[str, ...] | None = None
    desired_capabilities: tuple[str, ...] | None = None
    properties: dict[Any, Any] | None = None


@dataclass(slots=True, eq=False, repr=False)
class Flow(Record):
    """Update session and link state (2.7.4); `handle` None: the session alone."""

    next_incoming_id: int | None
    incoming_window: int
    next_outgoing_id: int
    outgoing_window: int
    handle: int | None = None
    delivery_count: int | None = None
    link_credit: int | None = None
    available: int | None = None
    drain: bool = False
    echo: bool = False
    properties: dict[Any, Any] | None = None


@dataclass(slots=True, eq=False, repr=False)
class Transfer(Record):
    """One frame of a delivery (2.7.5); the frame's payload stands apart."""

    handle: int
    delivery_id: int | None = None
    delivery_tag: bytes | None = None
    message_format: int | None = None
    settled: bool | None = None
    more: bool = False
    rcv_settle_mode: int | None = None
    state: Described | None = None
    resume: bool = False
    aborted: bool = False
    batchable: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Disposition(Record):
    """Tell the peer about deliveries `first` to `last` (2.7.6); `role` is its sender's."""

    role: bool
    first: int
    last: int | None = None
    settled: bool = False
    state: Described | None = None
    batchable: bool = False


@dataclass(slots=True, eq=False, repr=False)
class Detach(Record):
    """Detach a link from its session (2.7.7)."""

    handle: int
    closed: bool = False
    error: AmqpError | None = None


@dataclass(slots=True, eq=False, repr=False)
class End(Record):
    """End a session (2.7.8)."""

    error: AmqpError | None = None


@dataclass(slots=True, eq=False, repr=False)
class Close(Record):
    """Close a connection (2.7.9)."""

    error: AmqpError | None = None
