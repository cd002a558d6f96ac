"""What clients say to a transaction coordinator (AMQP 1.0 transactions 4.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from servicebus_emulator.amqp.composites import BINARY, BOOLEAN, DESCRIBED, Schema
from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.types import Described
from servicebus_emulator.plain_data import Record

UNKNOWN_ID: Final = "amqp:transaction:unknown-id"
ROLLBACK: Final = "amqp:transaction:rollback"
TIMEOUT: Final = "amqp:transaction:timeout"
_COORDINATOR: Final = 0x30


@dataclass(slots=True, eq=False, repr=False)
class Declare(Record):
    """Begin a transaction (4.5.2)."""

    global_id: Described | None = None


@dataclass(slots=True, eq=False, repr=False)
class Discharge(Record):
    """End a transaction: commit, or roll back when `fail` (4.5.3)."""

    txn_id: bytes
    fail: bool = False


_DECLARE = Schema(0x31, Declare, global_id=DESCRIBED)
_DISCHARGE = Schema(0x32, Discharge, txn_id=BINARY, fail=BOOLEAN)


def is_coordinator(terminus: object) -> bool:
    """Whether the target of a link is a coordinator (4.5.1)."""
    return isinstance(terminus, Described) and terminus.descriptor == _COORDINATOR


def read_request(value: Any) -> Declare | Discharge:
    """Read the body of a message to a coordinator.

    Raises:
        DecodeError: It is neither of the two.
    """
    if _DECLARE.matches(value):
        return _DECLARE.build(value.value)
    if _DISCHARGE.matches(value):
        return _DISCHARGE.build(value.value)
    raise DecodeError("a coordinator takes declare and discharge only")


def write_request(request: Declare | Discharge) -> Described:
    """The body of a message to a coordinator."""
    if isinstance(request, Declare):
        return _DECLARE.describe(request)
    return _DISCHARGE.describe(request)
