from typing import Any
from uuid import UUID

import pytest

from servicebus_emulator.broker.entities import EntityStatus, QueueDescription
from servicebus_emulator.broker.errors import (
    ArgumentError,
    EntityDisabled,
    MessageLockLost,
    MessageNotFound,
    MessageTooLarge,
    QuotaExceeded,
)
from servicebus_emulator.broker.limits import Limits
from servicebus_emulator.broker.message import Message, MessageState, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue

LOCK = 30.0
SOMEBODY = UUID(int=0)


def message(name: str = "m", **fields: Any) -> Message:
    return Message(message_id=name, content=name.encode(), **{"size": 10} | fields)


def make_queue(namespace: Namespace, **properties: Any) -> Queue:
    description = QueueDescription(**{"lock_duration": LOCK} | properties)
    return namespace.create_queue("orders", description, now=0.0)


@pytest.fixture
def queue(namespace: Namespace) -> Queue:
    return make_queue(namespace)


def grave(queue: Queue) -> Queue:
    assert queue.dead_letter_queue is not None
    return queue.dead_letter_queue


def lock(queue: Queue, now: float = 0.0) -> tuple[Message, UUID]:
    """Receive a message that must be there, in peek-lock mode."""
    received = queue.receive(ReceiveMode.PEEK_LOCK, now)
    assert received is not None
    assert received.lock is not None
    return received, received.lock.token


def assert_empty(queue: Queue, now: float = 0.0) -> None:
    assert queue.receive(ReceiveMode.PEEK_LOCK, now) is None


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


def test_peeking_shows_every_state_and_changes_nothing(queue: Queue) -> None:
    queue.send_batch([message("deferred"), message("locked"), message("active")], now=0.0)
    queue.schedule([message("scheduled", scheduled_enqueue_time=50.0)], now=0.0)
    queue.defer(lock(queue)[1], 0.0)
    lock(queue)

    seen = queue.peek(1, 10, now=0.0)

    assert [found.message_id for found in seen] == ["deferred", "locked", "active", "scheduled"]
    assert [found.message_id for found in queue.peek(2, 2, now=0.0)] == ["locked", "active"]
    assert queue.peek(5, 10, now=0.0) == []
    assert queue.counts(0.0).active == 2


def test_a_batch_is_taken_as_a_whole_or_not_at_all(queue: Queue) -> None:
    with pytest.raises(MessageTooLarge, match=r"size 262145 bytes.*limit \(262144 bytes\)"):
        queue.send_batch([message(), message(size=262_145)], now=0.0)

    assert queue.counts(0.0).total == 0


def test_the_smaller_of_the_namespaces_and_the_queues_limit_counts(namespace: Namespace) -> None:
    queue = make_queue(namespace, max_message_size_in_kilobytes=1)
    queue.send(message(size=1024), now=0.0)

    with pytest.raises(MessageTooLarge):
        queue.send(message(size=1025), now=0.0)
    assert (
        make_queue(Namespace(lambda: SOMEBODY, limits=Limits(max_message_size=5))).max_message_size
        == 5
    )


def test_a_full_queue_takes_nothing_more(namespace: Namespace) -> None:
    queue = make_queue(namespace, max_size_in_megabytes=1)
    queue.send_batch([message(size=262_144)] + [message(size=262_144) for _ in range(3)], now=0.0)

    with pytest.raises(QuotaExceeded, match="maximum entity size"):
        queue.send(message(size=1), now=0.0)


def test_expired_messages_take_no_room(namespace: Namespace) -> None:
    queue = make_queue(namespace, max_size_in_megabytes=1)
    queue.send_batch([message(size=262_144, time_to_live=1.0) for _ in range(4)], now=0.0)

    queue.send(message("next"), now=1.0)

    assert lock(queue, 1.0)[0].message_id == "next"


def test_nothing_can_be_sent_to_a_dead_letter_queue(queue: Queue) -> None:
    queue.send(message("dead"), now=0.0)
    queue.dead_letter(lock(queue)[1], 0.0)

    with pytest.raises(ArgumentError, match="by being dead-lettered"):
        grave(queue).send(message("sent"), now=0.0)
    with pytest.raises(ArgumentError, match="by being dead-lettered"):
        grave(queue).schedule([message("later", scheduled_enqueue_time=10.0)], now=0.0)

    assert lock(grave(queue))[0].message_id == "dead"


@pytest.mark.parametrize("status", [EntityStatus.DISABLED, EntityStatus.SEND_DISABLED])
def test_a_queue_disabled_for_sending_takes_nothing(
    namespace: Namespace, status: EntityStatus
) -> None:
    queue = make_queue(namespace, status=status)

    with pytest.raises(EntityDisabled, match="disabled for send"):
        queue.send(message(), now=0.0)


def test_a_queue_disabled_for_receiving_delivers_once_it_is_active(namespace: Namespace) -> None:
    queue = make_queue(namespace, status=EntityStatus.RECEIVE_DISABLED)
    queue.send(message(), now=0.0)
    namespace.take_ready()

    with pytest.raises(EntityDisabled, match="disabled for receive"):
        queue.receive(ReceiveMode.PEEK_LOCK, now=0.0)
    with pytest.raises(EntityDisabled):
        queue.receive_deferred([1], ReceiveMode.PEEK_LOCK, now=0.0)

    namespace.update_queue("orders", QueueDescription(), now=0.0)
    assert queue in namespace.take_ready()
    lock(queue)


def test_a_queue_says_what_it_is_and_how_much_it_holds(queue: Queue) -> None:
    queue.send(message(), now=0.0)

    assert repr(queue) == "<Queue 'orders' with 1 messages>"
    assert len(queue) == 1


def test_a_dead_letter_queue_counts_its_own_messages_as_active(queue: Queue) -> None:
    queue.send(message(), now=0.0)
    queue.dead_letter(lock(queue)[1], 0.0)

    counts = grave(queue).counts(0.0)

    assert (counts.active, counts.dead_letter, counts.size_in_bytes) == (1, 0, 10)
