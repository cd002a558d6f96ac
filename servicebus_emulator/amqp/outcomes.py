"""Delivery states and outcomes (AMQP 1.0 messaging 3.4, transactions 4.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp.composites import (
    BINARY,
    BOOLEAN,
    ERROR,
    MAP,
    UINT,
    ULONG,
    Kind,
    Schema,
)
from servicebus_emulator.amqp.types import Described
from servicebus_emulator.amqp.usual import ACCEPTED
from servicebus_emulator.plain_data import Record

if TYPE_CHECKING:
    from servicebus_emulator.amqp.errors import AmqpError


@dataclass(slots=True, eq=False, repr=False)
class Received(Record):
    """How much of a delivery has arrived (0x23); not terminal."""

    section_number: int
    section_offset: int


@dataclass(slots=True, eq=False, repr=False)
class Accepted(Record):
    """The receiver has taken the message (0x24)."""


@dataclass(slots=True, eq=False, repr=False)
class Rejected(Record):
    """The message is invalid for the receiver (0x25)."""

    error: AmqpError | None = None


@dataclass(slots=True, eq=False, repr=False)
class Released(Record):
    """The message was not and will not be acted upon (0x26)."""


@dataclass(slots=True, eq=False, repr=False)
class Modified(Record):
    """Give the message back changed (0x27)."""

    delivery_failed: bool = False
    undeliverable_here: bool = False
    message_annotations: dict[Any, Any] = field(default_factory=dict)


Outcome = Accepted | Rejected | Released | Modified


@dataclass(slots=True, eq=False, repr=False)
class Declared(Record):
    """The coordinator has begun a transaction (0x33): this is its id."""

    txn_id: bytes


@dataclass(slots=True, eq=False, repr=False)
class TransactionalState(Record):
    """The delivery, or the decision about it, is part of a transaction (0x34)."""

    txn_id: bytes
    outcome: Outcome | None = None


#: What a transfer or disposition can carry; a described value is one that this room does not
#: know and keeps as it came.
DeliveryState = Outcome | Received | Declared | TransactionalState | Described


def _read_outcome(value: Any) -> Outcome:
    state = from_described(value) if isinstance(value, Described) else None
    if not isinstance(state, Outcome):
        raise TypeError("not an outcome")
    return state


def from_described(value: Described | None) -> DeliveryState | None:
    """Read a delivery state from the wire; what this room does not know stays described.

    Raises:
        DecodeError: a known state with impossible fields.
    """
    if value is ACCEPTED:
        return Accepted()
    if value is None or not isinstance(value.descriptor, int):
        return value
    schema = _BY_CODE.get(value.descriptor)
    state: DeliveryState = value if schema is None else schema.build(value.value)
    return state


def to_described(state: DeliveryState | None) -> Described | None:
    """Turn a delivery state into its wire form."""
    if state is None or isinstance(state, Described):
        return state
    return _BY_CLASS[type(state)].describe(state)


_SCHEMAS: tuple[Schema[Any], ...] = (
    Schema(0x23, Received, section_number=UINT, section_offset=ULONG),
    Schema(0x24, Accepted),
    Schema(0x25, Rejected, error=ERROR.kind()),
    Schema(0x26, Released),
    Schema(
        0x27,
        Modified,
        delivery_failed=BOOLEAN,
        undeliverable_here=BOOLEAN,
        message_annotations=MAP,
    ),
    Schema(0x33, Declared, txn_id=BINARY),
    Schema(
        0x34,
        TransactionalState,
        txn_id=BINARY,
        outcome=Kind(_read_outcome, to_described),
    ),
)
_BY_CODE = {schema.code: schema for schema in _SCHEMAS}
_BY_CLASS = {schema.cls: schema for schema in _SCHEMAS}
