"""Delivery states and outcomes (AMQP 1.0 messaging 3.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.types import Described


@dataclass(slots=True)
class Received:
    """How much of a delivery has arrived (0x23); not terminal."""

    section_number: int
    section_offset: int


@dataclass(slots=True)
class Accepted:
    """The receiver has taken the message (0x24)."""


@dataclass(slots=True)
class Rejected:
    """The message is invalid for the receiver (0x25)."""

    error: AmqpError | None = None


@dataclass(slots=True)
class Released:
    """The message was not and will not be acted upon (0x26)."""


@dataclass(slots=True)
class Modified:
    """Give the message back changed (0x27)."""

    delivery_failed: bool = False
    undeliverable_here: bool = False
    message_annotations: dict[Any, Any] = field(default_factory=dict)


Outcome = Accepted | Rejected | Released | Modified
#: What a transfer or disposition can carry; a described value is one that this room does not
#: know (e.g. a transactional state) and keeps as it came.
DeliveryState = Outcome | Received | Described
