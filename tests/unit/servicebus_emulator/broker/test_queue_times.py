import pytest

from servicebus_emulator.broker.errors import (
    MessageNotFound,
)
from servicebus_emulator.broker.message import MessageState, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from tests.unit.servicebus_emulator.broker.queues import (
    LOCK,
    assert_empty,
    grave,
    lock,
    make_queue,
    message,
)


def test_an_expired_message_is_dropped(queue: Queue) -> None:
    queue.send(message(time_to_live=10.0), now=0.0)
    assert queue.next_deadline() == 10.0

    assert_empty(queue, now=10.0)

    assert queue.counts(10.0).total == 0


def test_an_expired_message_is_dead_lettered_where_the_queue_says_so(namespace: Namespace) -> None:
    queue = make_queue(namespace, dead_lettering_on_message_expiration=True)
    queue.send(message(time_to_live=10.0), now=0.0)

    queue.expire(10.0)

    dead, _ = lock(grave(queue), now=10.0)
    assert dead.dead_letter_reason == "TTLExpiredException"


def test_the_queues_time_to_live_is_default_and_ceiling(namespace: Namespace) -> None:
    queue = make_queue(namespace, default_message_time_to_live=10.0)
    for own in (None, 5.0, 20.0):
        queue.send(message(time_to_live=own), now=0.0)

    assert len(queue.peek(0, 10, now=4.9)) == 3
    assert len(queue.peek(0, 10, now=5.0)) == 2
    assert len(queue.peek(0, 10, now=10.0)) == 0


@pytest.mark.parametrize("end", ["abandon", "release", "expire"])
def test_a_lock_protects_an_expired_message_until_it_ends(queue: Queue, end: str) -> None:
    queue.send(message(time_to_live=10.0), now=0.0)
    _, token = lock(queue, now=5.0)
    queue.expire(11.0)
    assert queue.counts(11.0).active == 1

    if end == "expire":
        queue.expire(5.0 + LOCK)
    else:
        getattr(queue, end)(token, 12.0)

    assert queue.counts(5.0 + LOCK).total == 0


def test_a_message_that_is_delivered_again_still_expires(queue: Queue) -> None:
    queue.send(message(time_to_live=10.0), now=0.0)
    queue.abandon(lock(queue)[1], 1.0)

    assert queue.next_deadline() == 10.0
    assert_empty(queue, now=10.0)


def test_an_expired_deferred_message_ends_when_somebody_asks_for_it(namespace: Namespace) -> None:
    queue = make_queue(namespace, dead_lettering_on_message_expiration=True)
    queue.send(message(time_to_live=10.0), now=0.0)
    queue.defer(lock(queue)[1], 0.0)
    assert queue.counts(20.0).deferred == 1

    with pytest.raises(MessageNotFound):
        queue.receive_deferred([1], ReceiveMode.PEEK_LOCK, now=20.0)

    assert queue.counts(20.0).dead_letter == 1


def test_a_scheduled_message_becomes_active_at_its_time_with_a_new_number(queue: Queue) -> None:
    assert queue.schedule([message("later", scheduled_enqueue_time=50.0)], now=0.0) == [1]
    queue.send(message("now"), now=1.0)
    assert queue.next_deadline() == 50.0
    assert queue.counts(49.0).scheduled == 1

    assert lock(queue, now=49.0)[0].message_id == "now"
    assert_empty(queue, now=49.9)
    later, _ = lock(queue, now=50.0)

    assert (later.message_id, later.sequence_number, later.enqueued_at) == ("later", 3, 50.0)
    assert later.state is MessageState.ACTIVE


def test_a_scheduled_message_lives_from_its_time_on(queue: Queue) -> None:
    queue.schedule([message(scheduled_enqueue_time=50.0, time_to_live=10.0)], now=0.0)

    assert queue.counts(50.0).active == 1
    assert queue.next_deadline() == 60.0


def test_a_message_scheduled_for_the_past_is_active_at_once(queue: Queue) -> None:
    assert queue.schedule([message(scheduled_enqueue_time=1.0)], now=2.0) == [1]

    assert lock(queue, now=2.0)[0].sequence_number == 1


def test_a_cancelled_message_never_comes(queue: Queue) -> None:
    numbers = queue.schedule([message(scheduled_enqueue_time=50.0)], now=0.0)

    queue.cancel_scheduled(numbers, now=1.0)

    assert_empty(queue, now=60.0)
    assert queue.next_deadline() is None


def test_a_scheduled_message_that_is_named_twice_is_cancelled(queue: Queue) -> None:
    (number,) = queue.schedule([message(scheduled_enqueue_time=10.0)], now=0.0)

    queue.cancel_scheduled([number, number], now=0.0)

    assert queue.counts(0.0).total == 0


def test_scheduled_messages_are_cancelled_all_or_none(queue: Queue) -> None:
    queue.schedule([message(scheduled_enqueue_time=50.0)], now=0.0)
    queue.send(message(), now=0.0)

    with pytest.raises(MessageNotFound, match="scheduled message with sequence number 2"):
        queue.cancel_scheduled([1, 2], now=1.0)

    assert queue.counts(1.0).scheduled == 1
