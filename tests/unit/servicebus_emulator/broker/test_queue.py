import pytest

from servicebus_emulator.broker.errors import (
    MessageLockLost,
)
from servicebus_emulator.broker.message import ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from tests.unit.servicebus_emulator.broker.queues import (
    LOCK,
    SOMEBODY,
    assert_empty,
    grave,
    lock,
    make_queue,
    message,
)


def test_an_empty_queue_delivers_nothing(queue: Queue) -> None:
    assert_empty(queue)
    assert queue.next_deadline() is None


def test_messages_are_numbered_from_one_and_delivered_in_order(queue: Queue) -> None:
    queue.send_batch([message("a"), message("b")], now=5.0)

    first, _ = lock(queue)
    second, _ = lock(queue)

    assert (first.message_id, first.sequence_number, first.enqueued_at) == ("a", 1, 5.0)
    assert (second.message_id, second.sequence_number) == ("b", 2)


def test_receive_and_delete_leaves_nothing(queue: Queue) -> None:
    queue.send(message(), now=0.0)

    received = queue.receive(ReceiveMode.RECEIVE_AND_DELETE, now=0.0)

    assert received is not None
    assert received.lock is None
    assert queue.counts(0.0).total == 0
    assert queue.next_deadline() is None


def test_a_locked_message_is_nobody_elses(queue: Queue) -> None:
    queue.send(message(), now=0.0)
    lock(queue)

    assert_empty(queue)


def test_a_completed_message_is_gone(queue: Queue) -> None:
    queue.send(message(), now=0.0)
    _, token = lock(queue)

    queue.complete(token, now=1.0)

    assert queue.counts(1.0).total == 0
    assert queue.size_in_bytes == 0


@pytest.mark.parametrize("operation", ["complete", "abandon", "release", "defer", "dead_letter"])
def test_a_lock_settles_once(queue: Queue, operation: str) -> None:
    queue.send(message(), now=0.0)
    _, token = lock(queue)
    getattr(queue, operation)(token, 0.0)

    for again in ("complete", "abandon", "release", "defer", "dead_letter", "renew_lock"):
        with pytest.raises(MessageLockLost):
            getattr(queue, again)(token, 0.0)


def test_a_token_that_nobody_gave_holds_no_lock(queue: Queue) -> None:
    with pytest.raises(MessageLockLost, match="lock supplied is invalid"):
        queue.complete(SOMEBODY, now=0.0)


def test_an_abandoned_message_comes_again_in_its_place_and_counts(queue: Queue) -> None:
    queue.send_batch([message("a"), message("b")], now=0.0)
    _, token = lock(queue)

    queue.abandon(token, 1.0, {"why": "busy"})

    again, other_token = lock(queue, now=1.0)
    assert (again.message_id, again.delivery_count) == ("a", 1)
    assert again.properties_to_modify == {"why": "busy"}
    assert other_token != token


def test_a_released_message_comes_again_and_does_not_count(queue: Queue) -> None:
    queue.send(message(), now=0.0)
    _, token = lock(queue)

    queue.release(token, now=1.0)

    again, _ = lock(queue, now=1.0)
    assert again.delivery_count == 0


def test_a_lock_ends_by_itself_and_the_delivery_counts(queue: Queue) -> None:
    queue.send(message(), now=0.0)
    _, token = lock(queue)
    assert queue.next_deadline() == LOCK

    assert_empty(queue, now=LOCK - 0.001)
    again, _ = lock(queue, now=LOCK)

    assert again.delivery_count == 1
    with pytest.raises(MessageLockLost):
        queue.complete(token, now=LOCK)


def test_an_expired_lock_settles_nothing_even_before_anybody_looked(queue: Queue) -> None:
    queue.send(message(), now=0.0)
    _, token = lock(queue)

    with pytest.raises(MessageLockLost):
        queue.complete(token, now=LOCK)


def test_a_renewed_lock_ends_one_duration_after_the_renewal(queue: Queue) -> None:
    queue.send(message(), now=0.0)
    received, token = lock(queue)

    assert queue.renew_lock(token, now=20.0) == 20.0 + LOCK

    assert received.lock is not None
    assert received.lock.until == 20.0 + LOCK
    assert_empty(queue, now=LOCK + 1)
    queue.complete(token, now=20.0 + LOCK - 0.001)


def test_a_message_that_failed_too_often_is_dead_lettered(namespace: Namespace) -> None:
    queue = make_queue(namespace, max_delivery_count=2)
    queue.send(message(), now=0.0)
    _, token = lock(queue)
    queue.abandon(token, now=0.0)

    lock(queue)
    queue.expire(LOCK)

    assert_empty(queue, now=LOCK)
    dead, _ = lock(grave(queue), now=LOCK)
    assert dead.dead_letter_reason == "MaxDeliveryCountExceeded"
    assert dead.dead_letter_source == "orders"
    assert dead.delivery_count == 2


def test_a_dead_letter_keeps_number_and_time_and_says_why(queue: Queue) -> None:
    queue.send(message(), now=3.0)
    _, token = lock(queue, now=4.0)

    queue.dead_letter(token, 5.0, "bad", "very bad", {"by": "us"})

    dead, _ = lock(grave(queue), now=5.0)
    assert (dead.sequence_number, dead.enqueued_at) == (1, 3.0)
    assert (dead.dead_letter_reason, dead.dead_letter_description) == ("bad", "very bad")
    assert dead.properties_to_modify == {"by": "us"}
    assert queue.counts(5.0).dead_letter == 1
    assert queue.counts(5.0).size_in_bytes == 10


def test_a_dead_letter_may_have_no_reason(queue: Queue) -> None:
    queue.send(message(), now=0.0)
    queue.dead_letter(lock(queue)[1], 0.0)

    dead, _ = lock(grave(queue))

    assert dead.dead_letter_reason is None
    assert dead.dead_letter_description is None


def test_a_dead_letter_is_never_dead_lettered_further(namespace: Namespace) -> None:
    queue = make_queue(namespace, max_delivery_count=1, default_message_time_to_live=100.0)
    queue.send(message(), now=0.0)
    queue.abandon(lock(queue)[1], 0.0)

    for now in (0.0, 1000.0):
        _, token = lock(grave(queue), now)
        grave(queue).abandon(token, now)
    _, token = lock(grave(queue), 1000.0)
    grave(queue).dead_letter(token, 1000.0, "again")

    dead, token = lock(grave(queue), 1000.0)
    assert dead.dead_letter_reason == "again"
    assert dead.delivery_count == 1  # that of its life
    grave(queue).complete(token, 1000.0)
    assert queue.counts(1000.0).total == 0
