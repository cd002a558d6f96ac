from functools import partial
from uuid import UUID, uuid4

import pytest

from servicebus_emulator.broker.entities import EntityStatus, QueueDescription
from servicebus_emulator.broker.errors import (
    EntityDisabled,
    EntityNotFound,
    MessageLockLost,
    QuotaExceeded,
)
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.broker.surroundings import Surroundings
from servicebus_emulator.broker.transactions import MOST_OPERATIONS, Transaction

NOW = 1000.0


@pytest.fixture
def namespace() -> Namespace:
    return Namespace(uuid4, now=NOW)


@pytest.fixture
def queue(namespace: Namespace) -> Queue:
    return namespace.create_queue("orders", now=NOW)


def message(text: str = "m", size: int = 10) -> Message:
    return Message(text, b"", size)


def received(queue: Queue) -> UUID:
    queue.send(message("received"), NOW)
    got = queue.receive(ReceiveMode.PEEK_LOCK, NOW)
    assert got is not None
    assert got.lock is not None
    return got.lock.token


def test_nothing_happens_before_the_commit_and_then_everything(queue: Queue) -> None:
    token, transaction = received(queue), Transaction()
    transaction.send(queue, [message("1")], NOW)
    transaction.settle(queue, token, partial(queue.complete, token), NOW)
    transaction.send(queue, [message("2")], NOW)
    assert (len(queue), queue.locked_count) == (1, 1)

    transaction.commit(NOW)

    assert [each.message_id for each in queue.peek(0, 10, NOW)] == ["1", "2"]


def test_a_lock_that_has_ended_prevents_everything(queue: Queue) -> None:
    token, transaction = received(queue), Transaction()
    transaction.settle(queue, token, partial(queue.complete, token), NOW)
    transaction.send(queue, [message("1")], NOW)

    with pytest.raises(MessageLockLost):
        transaction.commit(NOW + 61.0)
    assert [each.message_id for each in queue.peek(0, 10, NOW)] == ["received"]


def test_an_entity_that_is_gone_prevents_everything(namespace: Namespace, queue: Queue) -> None:
    transaction, other = Transaction(), namespace.create_queue("invoices", now=NOW)
    transaction.send(other, [message()], NOW)
    transaction.send(queue, [message()], NOW)
    namespace.delete_queue("orders")
    namespace.create_queue("orders", now=NOW)

    with pytest.raises(EntityNotFound):
        transaction.commit(NOW)
    assert len(other) == 0


def test_what_could_not_be_sent_alone_cannot_be_sent_in_a_transaction(queue: Queue) -> None:
    transaction = Transaction()
    queue.update(QueueDescription(status=EntityStatus.SEND_DISABLED), NOW)

    with pytest.raises(EntityDisabled):
        transaction.send(queue, [message()], NOW)
    transaction.commit(NOW)
    assert len(queue) == 0


def test_messages_count_together_against_the_quota(namespace: Namespace) -> None:
    small = namespace.create_queue("small", QueueDescription(max_size_in_megabytes=1), now=NOW)
    transaction = Transaction()
    for _ in range(4):
        transaction.send(small, [message(size=262_144)], NOW)

    with pytest.raises(QuotaExceeded):
        transaction.send(small, [message()], NOW)


def test_a_message_is_settled_once_in_a_transaction(queue: Queue) -> None:
    token, transaction = received(queue), Transaction()
    transaction.settle(queue, token, partial(queue.complete, token), NOW)

    with pytest.raises(MessageLockLost):
        transaction.settle(queue, token, partial(queue.abandon, token), NOW)
    with pytest.raises(MessageLockLost):
        transaction.settle(queue, uuid4(), partial(queue.complete, token), NOW)


def test_a_transaction_is_bounded(queue: Queue) -> None:
    transaction = Transaction()
    transaction.send(queue, [message() for _ in range(MOST_OPERATIONS)], NOW)

    with pytest.raises(QuotaExceeded, match="at most 100 operations"):
        transaction.send(queue, [message()], NOW)


def test_an_entity_without_a_namespace_takes_nothing() -> None:
    lonely = Queue("q", QueueDescription(), Surroundings(uuid4), NOW)

    with pytest.raises(EntityNotFound):
        Transaction().send(lonely, [message()], NOW)
