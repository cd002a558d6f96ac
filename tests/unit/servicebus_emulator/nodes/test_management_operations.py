import itertools
import uuid
from typing import Any

import pytest

from servicebus_emulator.amqp.message import BareMessage, Properties, encode_bare, join
from servicebus_emulator.amqp.types import Array, Symbol, Timestamp
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.errors import MessageLockLost, MessageNotFound
from servicebus_emulator.broker.message import Message, MessageState, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.nodes.calls import BadRequestError, Call
from servicebus_emulator.nodes.management_operations import OPERATIONS
from servicebus_emulator.nodes.message_mapping import to_broker
from tests.unit.servicebus_emulator.nodes.in_memory import text_of

NOW = 1000.0
NUMBERS = itertools.count(1)


def new_id() -> uuid.UUID:
    return uuid.UUID(int=next(NUMBERS))


def encoded(text: str, scheduled: float | None = None) -> bytes:
    bare = encode_bare(BareMessage(Properties(message_id=text), data=[text.encode()]))
    annotations: dict[Any, Any] = {}
    if scheduled is not None:
        annotations[Symbol("x-opt-scheduled-enqueue-time")] = Timestamp(scheduled * 1000)
    return join(None, None, annotations, bare)


@pytest.fixture
def queue() -> Queue:
    return Namespace(new_id).create_queue("orders", now=NOW)


def locked(queue: Queue, text: str = "a") -> Message:
    queue.send(to_broker(encoded(text), new_id), NOW)
    message = queue.receive(ReceiveMode.PEEK_LOCK, NOW)
    assert message is not None
    return message


def token(message: Message) -> uuid.UUID:
    assert message.lock is not None
    return message.lock.token


def call(queue: Queue, operation: str, now: float = NOW, **body: Any) -> Any:
    fields = {name.replace("_", "-"): value for name, value in body.items()}
    return OPERATIONS[f"com.microsoft:{operation}"].run(Call(queue, fields, now, new_id))


@pytest.mark.parametrize("kind", ["array", "list"])
def test_renewing_gives_the_new_ends_in_milliseconds(queue: Queue, kind: str) -> None:
    tokens = [token(locked(queue)), token(locked(queue))]
    items = Array(uuid.UUID, tuple(tokens)) if kind == "array" else tokens
    result = call(queue, "renew-lock", NOW + 30, lock_tokens=items)

    assert result == {"expirations": Array(Timestamp, (Timestamp(1_090_000),) * 2)}


def test_peeking_gives_encoded_messages_without_locks(queue: Queue) -> None:
    locked(queue, "a")
    result = call(queue, "peek-message", from_sequence_number=1, message_count=5)

    assert [text_of(entry["message"]) for entry in result["messages"]] == ["a"]
    assert b"locked-until" not in result["messages"][0]["message"]


def test_peeking_beyond_the_end_gives_nothing(queue: Queue) -> None:
    assert call(queue, "peek-message", from_sequence_number=1, message_count=5) is None


def test_peeking_at_many_large_messages_gives_fewer(queue: Queue) -> None:
    for _ in range(30):
        queue.send(to_broker(encoded("x" * 120_000), new_id), NOW)
    result = call(queue, "peek-message", from_sequence_number=1, message_count=30)

    assert 10 < len(result["messages"]) < 30


def test_scheduling_gives_the_sequence_numbers(queue: Queue) -> None:
    messages = [{"message-id": "a", "message": encoded("a", NOW + 60)}] * 2
    result = call(queue, "schedule-message", messages=messages)

    assert result == {"sequence-numbers": Array(int, (1, 2))}
    assert queue.counts(NOW).scheduled == 2


def test_cancelling_takes_a_scheduled_message_back(queue: Queue) -> None:
    call(queue, "schedule-message", messages=[{"message": encoded("a", NOW + 60)}])
    numbers = Array(int, (1,))

    assert call(queue, "cancel-scheduled-message", sequence_numbers=numbers) == {}
    with pytest.raises(MessageNotFound):
        call(queue, "cancel-scheduled-message", sequence_numbers=numbers)


@pytest.mark.parametrize(("settle_mode", "left"), [(0, 0), (1, 1)])
def test_deferred_messages_are_received_locked_or_for_good(
    queue: Queue, settle_mode: int, left: int
) -> None:
    message = locked(queue)
    queue.defer(token(message), NOW)
    result = call(
        queue,
        "receive-by-sequence-number",
        sequence_numbers=Array(int, (1,)),
        receiver_settle_mode=settle_mode,
    )
    [entry] = result["messages"]

    assert text_of(entry["message"]) == "a"
    assert ("lock-token" in entry, queue.counts(NOW).deferred) == (bool(left), left)


@pytest.mark.parametrize(
    ("status", "state"),
    [("abandoned", MessageState.ACTIVE), ("defered", MessageState.DEFERRED)],
)
def test_messages_are_given_back_by_their_tokens(
    queue: Queue, status: str, state: MessageState
) -> None:
    message = locked(queue)
    changes = {"changed": True}
    call(
        queue,
        "update-disposition",
        disposition_status=status,
        lock_tokens=[token(message)],
        properties_to_modify=changes,
    )

    assert (message.lock, message.state) == (None, state)
    assert message.properties_to_modify == changes


def test_messages_are_completed_by_their_tokens(queue: Queue) -> None:
    tokens = [token(locked(queue))]
    call(queue, "update-disposition", disposition_status="completed", lock_tokens=tokens)

    assert queue.counts(NOW).total == 0
    with pytest.raises(MessageLockLost):
        call(queue, "update-disposition", disposition_status="completed", lock_tokens=tokens)


def test_messages_are_buried_by_their_tokens(queue: Queue) -> None:
    message = locked(queue)
    call(
        queue,
        "update-disposition",
        disposition_status="suspended",
        lock_tokens=[token(message)],
        deadletter_reason="broken",
        deadletter_description="no wheels",
    )

    assert queue.counts(NOW).dead_letter == 1
    assert (message.dead_letter_reason, message.dead_letter_description) == ("broken", "no wheels")


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("renew-lock", {}),
        ("renew-lock", {"lock_tokens": [1]}),
        ("peek-message", {"from_sequence_number": "1", "message_count": 1}),
        ("schedule-message", {"messages": ["a"]}),
        ("schedule-message", {"messages": [{}]}),
        ("cancel-scheduled-message", {"sequence_numbers": None}),
        ("update-disposition", {"disposition_status": "sold", "lock_tokens": []}),
    ],
)
def test_half_a_request_is_refused(queue: Queue, operation: str, body: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        call(queue, operation, **body)


def test_old_messages_are_deleted_in_a_batch(queue: Queue) -> None:
    for name, now in (("a", NOW), ("b", NOW), ("c", NOW), ("new", NOW + 5)):
        queue.send(to_broker(encoded(name), new_id), now)
    queue.send(to_broker(encoded("later", NOW + 60), new_id), NOW)
    queue.receive(ReceiveMode.PEEK_LOCK, NOW + 5)
    before = Timestamp(round((NOW + 1) * 1000))
    counts = [
        call(queue, "batch-delete-messages", NOW + 5, message_count=1, enqueued_time_utc=before)
        for _ in range(3)
    ]

    assert counts == [{"message-count": 1}, {"message-count": 1}, None]
    left = [each.message_id for each in queue.peek(0, 9, NOW + 5)]
    assert left == ["a", "new", "later"]


def test_a_batch_is_deleted_of_one_session_only() -> None:
    description = QueueDescription(requires_session=True)
    queue = Namespace(new_id).create_queue("q", description, now=NOW)
    for name in "ab":
        queue.send(Message(message_id=name, content=b"", size=1, session_id=name), NOW)
    asked: dict[str, Any] = {
        "message_count": 9,
        "enqueued_time_utc": Timestamp(2**50),
        "session_id": "b",
    }

    assert call(queue, "batch-delete-messages", **asked) == {"message-count": 1}
    assert [each.message_id for each in queue.peek(0, 9, NOW)] == ["a"]
