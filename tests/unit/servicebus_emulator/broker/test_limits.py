from typing import Any
from uuid import uuid4

import pytest

from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.errors import ArgumentOutOfRange, QuotaExceeded, ServerBusy
from servicebus_emulator.broker.limits import PROFILES, Limits, limits_of
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue

KB = 1024
MB = 1024 * KB


def a_message(size: int = 1) -> Message:
    return Message("m", b"", size)


def a_queue(profile: str, **properties: Any) -> Queue:
    namespace = Namespace(uuid4, limits=PROFILES[profile])
    return namespace.create_queue("q", QueueDescription(**properties), now=0.0)


@pytest.mark.parametrize(
    ("profile", "message", "batch"),
    [
        ("official", 256 * KB, 256 * KB),
        ("standard", 256 * KB, 256 * KB),
        ("premium", 1 * MB, 1 * MB),
        ("unlimited", 100 * MB, 100 * MB),
    ],
)
def test_a_profile_says_how_large_messages_and_batches_are(
    profile: str, message: int, batch: int
) -> None:
    queue = a_queue(profile)

    assert (queue.max_message_size, queue.max_batch_size) == (message, batch)


def test_a_queue_of_the_premium_tier_that_wants_larger_messages_takes_no_larger_batch() -> None:
    queue = a_queue("premium", max_message_size_in_kilobytes=102_400)

    assert (queue.max_message_size, queue.max_batch_size) == (100 * MB, 1 * MB)


def test_a_queue_of_the_standard_tier_cannot_take_larger_messages() -> None:
    with pytest.raises(ArgumentOutOfRange, match="at most 256"):
        a_queue("standard", max_message_size_in_kilobytes=1024)


def test_a_batch_is_no_larger_than_a_message_of_the_queue() -> None:
    assert a_queue("premium", max_message_size_in_kilobytes=2).max_batch_size == 2 * KB


def test_a_queue_of_the_official_emulator_holds_100_megabytes_whatever_it_says() -> None:
    queue = a_queue("official", max_size_in_megabytes=1024)
    for _ in range(400):
        queue.send(a_message(256 * KB), 0.0)

    with pytest.raises(QuotaExceeded, match=str(100 * MB)):
        queue.send(a_message(), 0.0)


def test_a_message_of_the_official_emulator_lives_for_an_hour_at_most() -> None:
    queue = a_queue("official")
    queue.send(a_message(), 0.0)

    assert queue.counts(3599.0).active == 1
    assert queue.counts(3600.0).active == 0


def test_the_official_emulator_has_fifty_entities() -> None:
    namespace = Namespace(uuid4, limits=PROFILES["official"])
    for number in range(25):
        namespace.create_queue(f"q{number}", now=0.0)
        namespace.create_topic(f"t{number}", now=0.0)

    with pytest.raises(QuotaExceeded, match="50 entities"):
        namespace.create_queue("one-more", now=0.0)


def test_the_standard_tier_takes_a_thousand_messages_in_a_second() -> None:
    queue = a_queue("standard")
    for _ in range(1000):
        queue.send(a_message(), 7.5)

    with pytest.raises(ServerBusy, match="50009"):
        queue.send(a_message(), 7.9)
    queue.send(a_message(), 8.0)

    assert len(queue) == 1001


def test_messages_that_are_received_count_as_well() -> None:
    queue = a_queue("standard")
    for _ in range(600):
        queue.send(a_message(), 7.0)
    for _ in range(400):
        queue.receive(ReceiveMode.PEEK_LOCK, 7.0)

    with pytest.raises(ServerBusy):
        queue.send(a_message(), 7.0)


def throttled(**properties: Any) -> Queue:
    """A queue that takes or gives one message in a second."""
    namespace = Namespace(uuid4, limits=Limits(credits_per_second=1))
    return namespace.create_queue("q", QueueDescription(**properties), now=0.0)


def test_a_message_that_cannot_be_received_in_this_second_can_be_in_the_next() -> None:
    queue = throttled()
    queue.send(a_message(), 7.0)

    with pytest.raises(ServerBusy, match="50009"):
        queue.receive(ReceiveMode.RECEIVE_AND_DELETE, 7.5)

    assert queue.receive(ReceiveMode.RECEIVE_AND_DELETE, 8.0) is not None
    assert len(queue) == 0


def test_a_message_of_a_session_that_cannot_be_received_stays_the_first() -> None:
    queue = throttled(requires_session=True)
    for second, name in ((7.0, "first"), (8.0, "second")):
        queue.send(Message(name, b"", 1, session_id="s"), second)
    session = queue.accept_session("s", 8.0)

    with pytest.raises(ServerBusy):
        queue.receive(ReceiveMode.PEEK_LOCK, 8.5, session)

    message = queue.receive(ReceiveMode.PEEK_LOCK, 9.0, session)
    assert message is not None
    assert message.message_id == "first"


def test_nobody_is_told_to_wait_where_there_is_nothing_to_receive() -> None:
    queue = throttled()
    queue.send(a_message(), 7.0)
    queue.clear()

    assert queue.receive(ReceiveMode.PEEK_LOCK, 7.0) is None


def test_deferred_messages_that_are_received_count_as_well() -> None:
    queue = throttled()
    queue.send(a_message(), 7.0)
    message = queue.receive(ReceiveMode.PEEK_LOCK, 8.0)
    assert message is not None
    assert message.lock is not None
    queue.defer(message.lock.token, 8.0)

    with pytest.raises(ServerBusy):
        queue.receive_deferred([1], ReceiveMode.PEEK_LOCK, 8.0)
    assert len(queue.receive_deferred([1], ReceiveMode.PEEK_LOCK, 9.0)) == 1


def test_an_operation_on_entities_costs_ten_messages() -> None:
    namespace = Namespace(uuid4, limits=Limits(credits_per_second=11))
    queue = namespace.create_queue("q", now=0.0)
    namespace.count_management(7.0)
    queue.send(a_message(), 7.0)

    with pytest.raises(ServerBusy):
        namespace.count_management(7.0)


def test_each_filter_of_a_topic_counts_as_well() -> None:
    namespace = Namespace(uuid4, limits=Limits(credits_per_second=3))
    topic = namespace.create_topic("t", now=0.0)
    for number in range(2):
        topic.create_subscription(f"s{number}", now=0.0)
    topic.send(a_message(), 0.0)

    with pytest.raises(ServerBusy):
        topic.send(a_message(), 0.0)


def test_what_an_entity_forwards_is_not_refused() -> None:
    namespace = Namespace(uuid4, limits=Limits(credits_per_second=1))
    target = namespace.create_queue("target", now=0.0)
    source = namespace.create_queue("source", QueueDescription(forward_to="target"), now=0.0)
    source.send(a_message(), 0.0)

    assert len(target) == 1


def test_limits_of_ones_own_are_a_profile_too() -> None:
    limits = Limits(max_entities=7)

    assert limits_of(limits) is limits
    assert limits_of(None) == Limits()
    assert limits_of("premium") == PROFILES["premium"]


def test_a_profile_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"'basic'.*official, standard, premium, unlimited"):
        limits_of("basic")
