"""The management operations, one small function each.

An operation gives the body of its response, or None when there is no content to give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import UUID

from servicebus_emulator.amqp.types import Array, Timestamp
from servicebus_emulator.broker.message import ReceiveMode
from servicebus_emulator.nodes.message_mapping import milliseconds, to_broker, to_wire
from servicebus_emulator.nodes.sas import Right

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.broker.queue import Queue

_Kind = TypeVar("_Kind")
_MOST_PEEKED = 250
_MOST_PEEKED_BYTES = 4 * 1024 * 1024  # fewer than asked for is always a good answer
_LOCKS = 1  # receiver-settle-mode of a request for deferred messages: 0 deletes, 1 locks


class BadRequestError(Exception):
    """The request's body is not what its operation takes; the text says which field."""


class Call(NamedTuple):
    """What an operation is given."""

    queue: Queue
    body: dict[Any, Any]
    now: float
    new_id: Callable[[], UUID]


Result = dict[str, Any] | None


class Operation(NamedTuple):
    """What an operation does, and the right it takes."""

    right: Right
    run: Callable[[Call], Result]


def renew_lock(call: Call) -> Result:
    """Lock messages anew, from now."""
    tokens = _items(call, "lock-tokens", UUID)
    until = [milliseconds(call.queue.renew_lock(token, call.now)) for token in tokens]
    return {"expirations": Array(Timestamp, tuple(until))}


def peek_message(call: Call) -> Result:
    """Look at messages, active, deferred and scheduled, without taking them."""
    count = min(_number(call, "message-count"), _MOST_PEEKED)
    entries: list[dict[str, bytes]] = []
    size = 0
    for message in call.queue.peek(_number(call, "from-sequence-number"), count, call.now):
        encoded = to_wire(message, peeked=True)
        size += len(encoded)
        if entries and size > _MOST_PEEKED_BYTES:
            break
        entries.append({"message": encoded})
    return {"messages": entries} if entries else None


def schedule_message(call: Call) -> Result:
    """Enqueue messages at the times that their annotations name."""
    messages = [
        to_broker(_field(entry, "message", bytes), call.new_id)
        for entry in _items(call, "messages", dict)
    ]
    numbers = call.queue.schedule(messages, call.now)
    return {"sequence-numbers": Array(int, tuple(numbers))}


def cancel_scheduled_message(call: Call) -> Result:
    """Take back messages before they are due."""
    call.queue.cancel_scheduled(_items(call, "sequence-numbers", int), call.now)
    return {}


def receive_by_sequence_number(call: Call) -> Result:
    """Receive messages that were deferred."""
    locks = _number(call, "receiver-settle-mode") == _LOCKS
    mode = ReceiveMode.PEEK_LOCK if locks else ReceiveMode.RECEIVE_AND_DELETE
    numbers = _items(call, "sequence-numbers", int)
    received = []
    for message in call.queue.receive_deferred(numbers, mode, call.now):
        entry: dict[str, Any] = {"message": to_wire(message)}
        if message.lock is not None:
            entry["lock-token"] = message.lock.token
        received.append(entry)
    return {"messages": received}


def update_disposition(call: Call) -> Result:
    """Settle messages by their lock tokens, without the link that they came on."""
    status = _field(call.body, "disposition-status", str)
    settle = _DISPOSITIONS.get(status)
    if settle is None:
        raise BadRequestError(
            f"disposition-status '{status}' is none of {', '.join(_DISPOSITIONS)}."
        )
    for token in _items(call, "lock-tokens", UUID):
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
    "com.microsoft:update-disposition": Operation(Right.LISTEN, update_disposition),
}

NOT_SUPPORTED_YET = {
    "com.microsoft:renew-session-lock": "Sessions",
    "com.microsoft:get-session-state": "Sessions",
    "com.microsoft:set-session-state": "Sessions",
    "com.microsoft:get-message-sessions": "Sessions",
    "com.microsoft:add-rule": "Rules",
    "com.microsoft:remove-rule": "Rules",
    "com.microsoft:enumerate-rules": "Rules",
}
"""Operations that Service Bus knows and this emulator does not, with the feature they belong to."""


def _changes(call: Call) -> dict[Any, Any]:
    changes = call.body.get("properties-to-modify")
    return changes if isinstance(changes, dict) else {}


def _number(call: Call, name: str) -> int:
    return _field(call.body, name, int)


def _field(body: dict[Any, Any], name: str, kind: type[_Kind]) -> _Kind:
    value = body.get(name)
    if not isinstance(value, kind):
        raise BadRequestError(f"The field '{name}' is missing or of another type.")
    return value


def _items(call: Call, name: str, kind: type[_Kind]) -> list[_Kind]:
    """The items of an array or a list, which clients use alike."""
    value = call.body.get(name)
    items = value.items if isinstance(value, Array) else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, kind) for item in items):
        raise BadRequestError(f"The field '{name}' is missing or of another type.")
    return list(items)
