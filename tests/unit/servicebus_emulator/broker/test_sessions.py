"""A queue with sessions, and what it knows of them."""

from typing import Any
from uuid import UUID

import pytest

from servicebus_emulator.broker.entities import (
    EntityStatus,
    QueueDescription,
    SubscriptionDescription,
)
from servicebus_emulator.broker.errors import (
    EntityDisabled,
    MessageNotFound,
    OperationNotAllowed,
    SessionCannotBeLocked,
    SessionLockLost,
)
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.broker.sessions import SessionLock, Sessions

LOCK = 30.0
SOMEBODY = UUID(int=0)


@pytest.fixture
def queue(namespace: Namespace) -> Queue:
    description = QueueDescription(requires_session=True, lock_duration=LOCK, max_delivery_count=2)
    return namespace.create_queue("q", description, now=0.0)


def send(queue: Queue, *names: str, now: float = 0.0, **fields: Any) -> None:
    """Send messages whose sessions are the first letters of their names."""
    for name in names:
        message = Message(message_id=name, content=b"", size=1, session_id=name[0], **fields)
        queue.send(message, now)


def accept(queue: Queue, name: str | None = None, now: float = 0.0) -> SessionLock:
    lock = queue.accept_session(name, now)
    assert lock is not None
    return lock


def receive(queue: Queue, lock: SessionLock, now: float = 0.0) -> Message | None:
    return queue.receive(ReceiveMode.PEEK_LOCK, now, lock)


def names(queue: Queue, lock: SessionLock, now: float = 0.0) -> list[str]:
    found = []
    while (message := receive(queue, lock, now)) is not None:
        found.append(message.message_id)
    return found


def token(message: Message | None) -> UUID:
    assert message is not None
    assert message.lock is not None
    return message.lock.token


def sessions(queue: Queue) -> Sessions:
    assert queue.sessions is not None
    return queue.sessions


def test_a_receiver_gets_its_sessions_messages_in_order(queue: Queue) -> None:
    send(queue, "a1", "b1", "a2")
    a, b = accept(queue, "a"), accept(queue, "b")

    assert names(queue, a) == ["a1", "a2"]
    assert names(queue, b) == ["b1"]


def test_the_next_session_is_the_one_that_has_waited_longest(queue: Queue) -> None:
    send(queue, "b1", "a1", "b2")

    assert [accept(queue).session_id for _ in range(2)] == ["b", "a"]
    assert queue.accept_session(None, 0.0) is None


def test_a_session_whose_messages_are_gone_is_not_next(queue: Queue) -> None:
    send(queue, "a1", time_to_live=5.0)

    assert queue.accept_session(None, 5.0) is None
    assert sessions(queue).list(None) == []


def test_a_session_is_held_by_one_receiver(queue: Queue) -> None:
    send(queue, "a1")
    lock = accept(queue, "a")
    with pytest.raises(SessionCannotBeLocked, match="'a' cannot be accepted"):
        queue.accept_session("a", 0.0)
    queue.release_session(lock, 0.0)

    assert accept(queue, "a").until == LOCK


def test_a_session_that_is_let_go_gives_back_its_messages_uncounted(queue: Queue) -> None:
    send(queue, "a1", "a2")
    lock = accept(queue, "a")
    held = receive(queue, lock)
    queue.release_session(lock, 0.0)
    again = accept(queue)

    with pytest.raises(SessionLockLost):
        queue.complete(token(held) if held and held.lock else SOMEBODY, 0.0)
    assert names(queue, again) == ["a1", "a2"]
    assert held is not None
    assert held.delivery_count == 0


def test_a_session_that_is_lost_counts_its_deliveries_and_may_bury_them(
    queue: Queue, namespace: Namespace
) -> None:
    send(queue, "a1")
    for count in (1, 2):
        lock = accept(queue, "a", count * 100.0)
        message = receive(queue, lock, count * 100.0)
        assert namespace.next_deadline() == lock.until
        namespace.expire(lock.until)
        assert lock.is_lost
        assert message is not None
        assert message.delivery_count == count
    grave = queue.dead_letter_queue
    assert grave is not None
    assert [each.message_id for each in grave.peek(0, 9, 300.0)] == ["a1"]
    assert grave.sessions is None


def test_a_lost_session_gives_nothing_more_and_is_let_go_without_effect(queue: Queue) -> None:
    send(queue, "a1")
    lost = accept(queue, "a")
    queue.expire(LOCK)
    other = accept(queue, "a", LOCK)
    queue.release_session(lost, LOCK)

    with pytest.raises(SessionLockLost):
        receive(queue, lost, LOCK)
    assert names(queue, other, LOCK) == ["a1"]


def test_a_lost_session_without_successor_gives_nothing(queue: Queue) -> None:
    lost = accept(queue, "a")

    with pytest.raises(SessionLockLost):
        receive(queue, lost, LOCK)


def test_renewing_holds_a_session_longer(queue: Queue) -> None:
    send(queue, "a1")
    lock = accept(queue, "a")
    message = receive(queue, lock)

    assert queue.renew_session_lock("a", 20.0) == lock.until == 20.0 + LOCK
    queue.complete(token(message), 49.0)
    with pytest.raises(SessionLockLost):
        queue.renew_session_lock("a", 50.0)


def test_a_message_of_a_session_has_no_lock_to_renew(queue: Queue) -> None:
    send(queue, "a1")
    message = receive(queue, accept(queue, "a"))

    with pytest.raises(OperationNotAllowed, match="renew the session's"):
        queue.renew_lock(token(message), 0.0)


def test_an_abandoned_message_is_the_first_of_its_session_again(queue: Queue) -> None:
    send(queue, "a1", "a2")
    lock = accept(queue, "a")
    queue.abandon(token(receive(queue, lock)), 0.0)

    assert names(queue, lock) == ["a1", "a2"]


def test_a_deferred_message_is_for_the_holder_of_its_session(queue: Queue) -> None:
    send(queue, "a1", "b1")
    a, b = accept(queue, "a"), accept(queue, "b")
    queue.defer(token(receive(queue, a)), 0.0)
    with pytest.raises(MessageNotFound):
        queue.receive_deferred([1], ReceiveMode.PEEK_LOCK, 0.0, b.session_id)
    [message] = queue.receive_deferred([1], ReceiveMode.PEEK_LOCK, 0.0, "a")
    queue.release_session(a, 0.0)

    assert message.lock is None
    with pytest.raises(SessionLockLost):
        queue.receive_deferred([1], ReceiveMode.PEEK_LOCK, 0.0, "a")
    with pytest.raises(SessionLockLost):
        queue.receive_deferred([1], ReceiveMode.PEEK_LOCK, 0.0)


def test_a_state_is_for_the_holder_and_outlives_the_messages(queue: Queue) -> None:
    lock = accept(queue, "a")
    queue.sessions_at(5.0).set_state("a", b"half", 5.0)
    queue.release_session(lock, 5.0)
    with pytest.raises(SessionLockLost):
        sessions(queue).state("a")
    with pytest.raises(SessionLockLost):
        sessions(queue).set_state("a", None, 6.0)
    accept(queue, "a", 6.0)

    assert sessions(queue).state("a") == b"half"
    assert sessions(queue).list(None) == ["a"]
    assert sessions(queue).list(4.0) == ["a"]
    assert sessions(queue).list(5.0) == []


def test_sessions_with_messages_are_listed_even_while_they_are_held(queue: Queue) -> None:
    send(queue, "b1", "a1")
    lock = accept(queue, "a")
    receive(queue, lock)
    accept(queue, "c")

    assert sessions(queue).list(None) == ["a", "b"]


def test_only_messages_of_the_session_are_peeked(queue: Queue) -> None:
    send(queue, "a1", "b1", "a2")

    found = queue.peek(0, 9, 0.0, "a")
    assert [message.message_id for message in found] == ["a1", "a2"]


def test_every_message_needs_a_session(queue: Queue) -> None:
    with pytest.raises(OperationNotAllowed, match="SessionId was not set"):
        queue.send(Message(message_id="m", content=b"", size=1), 0.0)


def test_a_message_without_session_is_buried_in_a_subscription(namespace: Namespace) -> None:
    topic = namespace.create_topic("t", now=0.0)
    description = SubscriptionDescription(requires_session=True)
    subscription = topic.create_subscription("s", description, now=0.0)
    topic.send(Message(message_id="m", content=b"", size=1), 0.0)
    grave = subscription.dead_letter_queue
    assert grave is not None

    [letter] = grave.peek(0, 9, 0.0)
    assert letter.dead_letter_reason == "Session id is null."


def test_receivers_have_to_fit_the_queue(namespace: Namespace, queue: Queue) -> None:
    plain = namespace.create_queue("plain", now=0.0)

    with pytest.raises(OperationNotAllowed, match="non-sessionful"):
        queue.receive(ReceiveMode.PEEK_LOCK, 0.0)
    with pytest.raises(OperationNotAllowed, match="does not require sessions"):
        plain.accept_session("a", 0.0)
    with pytest.raises(OperationNotAllowed, match="does not require sessions"):
        plain.check_receiver(of_session=True)


def test_a_disabled_queue_gives_no_session(queue: Queue) -> None:
    queue.update(QueueDescription(requires_session=True, status=EntityStatus.DISABLED), 0.0)

    with pytest.raises(EntityDisabled):
        queue.accept_session("a", 0.0)


def test_a_cleared_queue_has_no_sessions_and_its_receivers_have_lost_theirs(queue: Queue) -> None:
    send(queue, "a1", "a2")
    lock = accept(queue, "a")
    assert receive(queue, lock) is not None
    queue.clear()

    assert lock.is_lost
    assert sessions(queue).list(None) == []
    queue.release_session(lock, 0.0)
    send(queue, "a2")
    assert names(queue, accept(queue)) == ["a2"]


def test_clearing_a_queue_forgets_sessions_that_nobody_holds(queue: Queue) -> None:
    send(queue, "a1")
    lock = queue.accept_session("held", 0.0)
    queue.clear()

    assert lock is not None
    assert lock.is_lost
    assert queue.sessions_at(0.0).list(None) == []


def test_what_nobody_was_given_cannot_be_done_with() -> None:
    sessions = Sessions(lambda _: True)
    sessions.unbind(UUID(int=1))

    assert sessions.list(None) == []


def test_holders_are_told_once_that_messages_came_or_that_they_lost_their_session(
    queue: Queue,
) -> None:
    told = accept(queue, "a")
    accept(queue, "b")
    send(queue, "a1", "a2", "c1")
    assert queue.take_session_news() == [told]
    assert queue.take_session_news() == []
    queue.clear()
    assert told in queue.take_session_news()
