"""The management operations on sessions."""

from __future__ import annotations

from servicebus_emulator.broker.access import Right
from servicebus_emulator.nodes.broker_annotations import milliseconds
from servicebus_emulator.nodes.calls import (
    BadRequestError,
    Call,
    Operation,
    Result,
    field,
    number,
)

_END_OF_TIME = 253_402_300_799_000  # milliseconds; the year 9999, which means "with messages"


def renew_session_lock(call: Call) -> Result:
    """Hold a session for one more lock duration, from now."""
    until = call.queue.renew_session_lock(field(call.body, "session-id", str), call.now)
    return {"expiration": milliseconds(until)}


def get_session_state(call: Call) -> Result:
    """What was noted with a session."""
    sessions = call.queue.sessions_at(call.now)
    return {"session-state": sessions.state(field(call.body, "session-id", str))}


def set_session_state(call: Call) -> Result:
    """Note something with a session."""
    state = call.body.get("session-state")  # the SDK for Go writes nothing as no bytes
    if state is not None and not isinstance(state, bytes):
        raise BadRequestError("The field 'session-state' is neither binary nor null.")
    session_id = field(call.body, "session-id", str)
    call.queue.sessions_at(call.now).set_state(session_id, state or None, call.now)
    return {}


def get_message_sessions(call: Call) -> Result:
    """List sessions: with messages or a state, or changed after a time."""
    since = number(call, "last-updated-time")
    after = None if since >= _END_OF_TIME else since / 1000
    skip, top = number(call, "skip"), number(call, "top")
    found = call.queue.sessions_at(call.now).list(after)[skip : skip + top]
    return {"skip": skip + len(found), "sessions-ids": found} if found else None


SESSION_OPERATIONS: dict[str, Operation] = {
    "com.microsoft:renew-session-lock": Operation(Right.LISTEN, renew_session_lock),
    "com.microsoft:get-session-state": Operation(Right.LISTEN, get_session_state),
    "com.microsoft:set-session-state": Operation(Right.LISTEN, set_session_state),
    "com.microsoft:get-message-sessions": Operation(Right.LISTEN, get_message_sessions),
}
