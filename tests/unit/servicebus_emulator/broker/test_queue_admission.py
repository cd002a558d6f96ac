import pytest

from servicebus_emulator.broker.entities import EntityStatus, QueueDescription
from servicebus_emulator.broker.errors import (
    ArgumentError,
    EntityDisabled,
    MessageTooLarge,
    QuotaExceeded,
)
from servicebus_emulator.broker.limits import Limits
from servicebus_emulator.broker.message import ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from tests.unit.servicebus_emulator.broker.queues import SOMEBODY, grave, lock, make_queue, message


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
