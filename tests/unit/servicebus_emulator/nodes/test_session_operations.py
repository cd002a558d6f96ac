from typing import Any

import pytest

from servicebus_emulator.amqp.types import Array, Timestamp
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.errors import OperationNotAllowed, SessionLockLost
from servicebus_emulator.broker.message import Message
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.nodes.calls import BadRequestError, Call
from servicebus_emulator.nodes.management_operations import OPERATIONS
from tests.unit.servicebus_emulator.nodes.test_management_operations import NOW, new_id

FOREVER = Timestamp(253_402_300_799_999)


@pytest.fixture
def queue() -> Queue:
    return Namespace(new_id).create_queue("q", QueueDescription(requires_session=True), now=NOW)


def call(queue: Queue, operation: str, **body: Any) -> Any:
    fields = {name.replace("_", "-"): value for name, value in body.items()}
    return OPERATIONS[f"com.microsoft:{operation}"].run(Call(queue, fields, NOW, new_id))


def listed(queue: Queue, skip: int = 0, since: Timestamp = FOREVER) -> Any:
    return call(queue, "get-message-sessions", last_updated_time=since, skip=skip, top=2)


@pytest.mark.parametrize("nothing", [None, b""])
def test_a_state_is_set_read_and_removed(queue: Queue, nothing: bytes | None) -> None:
    queue.accept_session("a", NOW)
    call(queue, "set-session-state", session_id="a", session_state=b"x")
    kept = call(queue, "get-session-state", session_id="a")
    call(queue, "set-session-state", session_id="a", session_state=nothing)

    assert kept == {"session-state": b"x"}
    assert call(queue, "get-session-state", session_id="a") == {"session-state": None}
    with pytest.raises(BadRequestError, match="neither binary nor null"):
        call(queue, "set-session-state", session_id="a", session_state="x")


def test_a_session_lock_is_renewed(queue: Queue) -> None:
    queue.accept_session("a", NOW - 30)

    expected = {"expiration": Timestamp(round((NOW + 60) * 1000))}
    assert call(queue, "renew-session-lock", session_id="a") == expected
    with pytest.raises(SessionLockLost):
        call(queue, "renew-session-lock", session_id="b")


def test_sessions_are_listed_in_pages(queue: Queue) -> None:
    for name in "cab":
        queue.send(Message(message_id=name, content=b"", size=1, session_id=name), NOW)

    assert listed(queue) == {"skip": 2, "sessions-ids": ["a", "b"]}
    assert listed(queue, 2) == {"skip": 3, "sessions-ids": ["c"]}
    assert listed(queue, 3) is None
    assert listed(queue, 0, Timestamp(round(NOW * 1000) - 1)) == listed(queue)
    assert listed(queue, 0, Timestamp(round(NOW * 1000))) is None


def test_deferred_messages_are_asked_for_with_their_session(queue: Queue) -> None:
    queue.send(Message(message_id="m", content=b"", size=1, session_id="a"), NOW)
    numbers = Array(int, (1,))
    with pytest.raises(SessionLockLost):
        call(
            queue,
            "receive-by-sequence-number",
            sequence_numbers=numbers,
            receiver_settle_mode=1,
            session_id="a",
        )
    with pytest.raises(BadRequestError):
        call(queue, "peek-message", from_sequence_number=0, message_count=1, session_id=5)


def test_a_queue_without_sessions_has_none_to_list() -> None:
    plain = Namespace(new_id).create_queue("q", now=NOW)

    with pytest.raises(OperationNotAllowed):
        listed(plain)
