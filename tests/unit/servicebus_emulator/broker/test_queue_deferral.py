import pytest

from servicebus_emulator.broker.errors import (
    MessageNotFound,
)
from servicebus_emulator.broker.message import MessageState, ReceiveMode
from servicebus_emulator.broker.queue import Queue
from tests.unit.servicebus_emulator.broker.queues import LOCK, assert_empty, grave, lock, message


def test_a_deferred_message_comes_only_to_who_asks_by_number(queue: Queue) -> None:
    queue.send(message(), now=0.0)
    queue.defer(lock(queue)[1], 0.0, {"step": 1})
    assert_empty(queue)

    (deferred,) = queue.receive_deferred([1], ReceiveMode.PEEK_LOCK, now=0.0)

    assert deferred.state is MessageState.DEFERRED
    assert deferred.properties_to_modify == {"step": 1}
    assert deferred.lock is not None
    queue.complete(deferred.lock.token, 0.0)
    assert queue.counts(0.0).total == 0


@pytest.mark.parametrize("end", ["abandon", "release", "expire"])
def test_a_deferred_message_stays_deferred_when_its_delivery_fails(queue: Queue, end: str) -> None:
    queue.send(message(), now=0.0)
    queue.defer(lock(queue)[1], 0.0)
    (deferred,) = queue.receive_deferred([1], ReceiveMode.PEEK_LOCK, now=0.0)
    assert deferred.lock is not None

    if end == "expire":
        queue.expire(LOCK)
    else:
        getattr(queue, end)(deferred.lock.token, 1.0)

    assert_empty(queue, now=LOCK)
    assert queue.receive_deferred([1], ReceiveMode.RECEIVE_AND_DELETE, now=LOCK) == [deferred]


def test_deferred_messages_are_received_all_or_none(queue: Queue) -> None:
    queue.send_batch([message("a"), message("b")], now=0.0)
    queue.defer(lock(queue)[1], 0.0)

    with pytest.raises(MessageNotFound, match="deferred message with sequence number 2"):
        queue.receive_deferred([1, 2], ReceiveMode.RECEIVE_AND_DELETE, now=0.0)

    assert queue.counts(0.0).deferred == 1


def test_a_locked_deferred_message_is_not_to_be_had(queue: Queue) -> None:
    queue.send(message(), now=0.0)
    queue.defer(lock(queue)[1], 0.0)
    queue.receive_deferred([1], ReceiveMode.PEEK_LOCK, now=0.0)

    with pytest.raises(MessageNotFound):
        queue.receive_deferred([1], ReceiveMode.PEEK_LOCK, now=0.0)


def test_a_dead_lettered_deferred_message_is_active_in_its_grave(queue: Queue) -> None:
    queue.send(message(), now=0.0)
    queue.defer(lock(queue)[1], 0.0)
    (deferred,) = queue.receive_deferred([1], ReceiveMode.PEEK_LOCK, now=0.0)
    assert deferred.lock is not None

    queue.dead_letter(deferred.lock.token, 0.0)

    assert lock(grave(queue))[0].state is MessageState.ACTIVE


def test_a_deferred_dead_letter_outlives_its_time_to_live(queue: Queue) -> None:
    queue.send(message(time_to_live=10.0), now=0.0)
    queue.dead_letter(lock(queue)[1], 0.0)
    grave(queue).defer(lock(grave(queue))[1], 0.0)

    (dead,) = grave(queue).receive_deferred([1], ReceiveMode.RECEIVE_AND_DELETE, now=1000.0)

    assert dead.message_id == "m"


def test_a_deferred_message_that_is_named_twice_is_locked_once(queue: Queue) -> None:
    queue.send(message(), now=0.0)
    queue.defer(lock(queue)[1], 0.0)

    (deferred,) = queue.receive_deferred([1, 1], ReceiveMode.PEEK_LOCK, now=0.0)

    assert deferred.lock is not None
    queue.complete(deferred.lock.token, 0.0)
    assert queue.next_deadline() is None
