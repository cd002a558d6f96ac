"""The management operations on messages, one small function each, and the table of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from servicebus_emulator.amqp.types import Array, Int, Timestamp
from servicebus_emulator.broker.access import Right
from servicebus_emulator.broker.message import ReceiveMode
from servicebus_emulator.nodes.broker_annotations import milliseconds
from servicebus_emulator.nodes.calls import (
    BadRequestError,
    Call,
    Operation,
    Result,
    field,
    items,
    number,
    session_id,
)
from servicebus_emulator.nodes.message_mapping import to_broker, to_wire
from servicebus_emulator.nodes.property_limits import check_properties
from servicebus_emulator.nodes.rule_operations import RULE_OPERATIONS
from servicebus_emulator.nodes.session_operations import SESSION_OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_PEEKED = 250
_MOST_PEEKED_BYTES = 4 * 1024 * 1024  # fewer than asked for is always a good answer
_LOCKS = 1  # receiver-settle-mode of a request for deferred messages: 0 deletes, 1 locks


def renew_lock(call: Call) -> Result:
    """Lock messages anew, from now."""
    tokens = items(call, "lock-tokens", UUID)
    until = [milliseconds(call.queue.renew_lock(token, call.now)) for token in tokens]
    return {"expirations": Array(Timestamp, tuple(until))}


def peek_message(call: Call) -> Result:
    """Look at messages, active, deferred and scheduled, without taking them."""
    count = min(number(call, "message-count"), _MOST_PEEKED)
    entries: list[dict[str, bytes]] = []
    size = 0
    start = number(call, "from-sequence-number")
    found = call.queue.peek(start, count, call.now, session_id(call))
    call.queue.throttle(len(found), call.now)
    for message in found:
        encoded = to_wire(message, peeked=True)
        size += len(encoded)
        if entries and size > _MOST_PEEKED_BYTES:
            break
        entries.append({"message": encoded})
    return {"messages": entries} if entries else None


def schedule_message(call: Call) -> Result:
    """Enqueue messages at the times that their annotations name."""
    messages = [
        to_broker(field(entry, "message", bytes), call.new_id)
        for entry in items(call, "messages", dict)
    ]
    check_properties(messages, call.entity.limits)
    numbers = call.entity.schedule(messages, call.now)
    return {"sequence-numbers": Array(int, tuple(numbers))}


def cancel_scheduled_message(call: Call) -> Result:
    """Take back messages before they are due."""
    call.entity.cancel_scheduled(items(call, "sequence-numbers", int), call.now)
    return {}


def receive_by_sequence_number(call: Call) -> Result:
    """Receive messages that were deferred."""
    locks = number(call, "receiver-settle-mode") == _LOCKS
    mode = ReceiveMode.PEEK_LOCK if locks else ReceiveMode.RECEIVE_AND_DELETE
    numbers = items(call, "sequence-numbers", int)
    received = []
    for message in call.queue.receive_deferred(numbers, mode, call.now, session_id(call)):
        entry: dict[str, Any] = {"message": to_wire(message)}
        if message.lock is not None:
            entry["lock-token"] = message.lock.token
        received.append(entry)
    return {"messages": received}


def batch_delete_messages(call: Call) -> Result:
    """Remove active messages that came before a time, the oldest first."""
    before = number(call, "enqueued-time-utc") / 1000
    removed = call.queue.purge(number(call, "message-count"), before, call.now, session_id(call))
    return {"message-count": Int(removed)} if removed else None


def update_disposition(call: Call) -> Result:
    """Settle messages by their lock tokens, without the link that they came on."""
    status = field(call.body, "disposition-status", str)
    settle = _DISPOSITIONS.get(status)
    if settle is None:
        raise BadRequestError(
            f"disposition-status '{status}' is none of {', '.join(_DISPOSITIONS)}."
        )
    for token in items(call, "lock-tokens", UUID):
        settle(call, token)
    return {}


def _complete(call: Call, lock_token: UUID) -> None:
    call.queue.complete(lock_token, call.now)


def _abandon(call: Call, lock_token: UUID) -> None:
    call.queue.abandon(lock_token, call.now, _changes(call))


def _defer(call: Call, lock_token: UUID) -> None:
    call.queue.defer(lock_token, call.now, _changes(call))


def _dead_letter(call: Call, lock_token: UUID) -> None:
    call.queue.dead_letter(
        lock_token,
        call.now,
        reason=call.body.get("deadletter-reason"),
        description=call.body.get("deadletter-description"),
        properties=_changes(call),
    )


_DISPOSITIONS: dict[str, Callable[[Call, UUID], None]] = {
    "completed": _complete,
    "abandoned": _abandon,
    "defered": _defer,  # the protocol's own spelling
    "suspended": _dead_letter,
}

OPERATIONS: dict[str, Operation] = {
    "com.microsoft:renew-lock": Operation(Right.LISTEN, renew_lock),
    "com.microsoft:peek-message": Operation(Right.LISTEN, peek_message),
    "com.microsoft:schedule-message": Operation(Right.SEND, schedule_message),
    "com.microsoft:cancel-scheduled-message": Operation(Right.SEND, cancel_scheduled_message),
    "com.microsoft:receive-by-sequence-number": Operation(Right.LISTEN, receive_by_sequence_number),
    "com.microsoft:batch-delete-messages": Operation(Right.LISTEN, batch_delete_messages),
    "com.microsoft:update-disposition": Operation(Right.LISTEN, update_disposition),
    **RULE_OPERATIONS,
    **SESSION_OPERATIONS,
}


def _changes(call: Call) -> dict[Any, Any]:
    changes = call.body.get("properties-to-modify")
    return changes if isinstance(changes, dict) else {}
