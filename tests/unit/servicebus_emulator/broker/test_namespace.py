from uuid import uuid4

import pytest

from servicebus_emulator.broker.entities import QueueDescription, TopicDescription
from servicebus_emulator.broker.errors import (
    ArgumentError,
    EntityAlreadyExists,
    EntityNotFound,
    OperationNotAllowed,
    QuotaExceeded,
)
from servicebus_emulator.broker.limits import Limits
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace


def message(**fields: float) -> Message:
    return Message(message_id="m", content=b"", size=1, **fields)  # type: ignore[arg-type]


def test_a_queue_is_found_whatever_the_case_of_its_name(namespace: Namespace) -> None:
    queue = namespace.create_queue("Orders", now=0.0)

    assert namespace.get_queue("ORDERS") is namespace.resolve("orders") is queue
    assert queue.path == "Orders"


def test_a_dead_letter_queue_is_found_under_its_queue(namespace: Namespace) -> None:
    queue = namespace.create_queue("a/b", now=0.0)

    grave = namespace.resolve("A/B/$deadletterqueue")

    assert grave is queue.dead_letter_queue
    assert grave.path == "a/b/$DeadLetterQueue"


@pytest.mark.parametrize(
    "path", ["", "other", "orders/other", "other/$DeadLetterQueue", "orders/$Transfer"]
)
def test_a_path_without_entity_is_not_found(namespace: Namespace, path: str) -> None:
    namespace.create_queue("orders", now=0.0)

    with pytest.raises(EntityNotFound, match="could not be found"):
        namespace.resolve(path)


def test_a_name_is_taken_once_whatever_its_case(namespace: Namespace) -> None:
    namespace.create_queue("orders", now=0.0)

    with pytest.raises(EntityAlreadyExists):
        namespace.create_queue("ORDERS", now=0.0)


def test_a_namespace_holds_no_more_entities_than_its_limit() -> None:
    namespace = Namespace(uuid4, limits=Limits(max_entities=1))
    namespace.create_queue("one", now=0.0)

    with pytest.raises(QuotaExceeded):
        namespace.create_queue("two", now=0.0)


def test_queues_are_listed_by_name_in_pages(namespace: Namespace) -> None:
    for name in ("c", "A", "b"):
        namespace.create_queue(name, now=0.0)

    assert [queue.path for queue in namespace.list_queues()] == ["A", "b", "c"]
    assert [queue.path for queue in namespace.list_queues(skip=1, top=1)] == ["b"]


def test_a_deleted_queue_is_neither_found_nor_due_nor_ready(namespace: Namespace) -> None:
    queue = namespace.create_queue("orders", now=0.0)
    queue.send(message(time_to_live=5.0), now=0.0)

    assert namespace.delete_queue("Orders") is queue

    assert namespace.take_ready() == []
    assert namespace.next_deadline() is None
    with pytest.raises(EntityNotFound):
        namespace.get_queue("orders")


def test_an_update_changes_the_queue_and_its_dead_letter_queue(namespace: Namespace) -> None:
    queue = namespace.create_queue("orders", now=0.0)

    namespace.update_queue("orders", QueueDescription(lock_duration=5.0), now=7.0)

    assert queue.description.lock_duration == 5.0
    assert queue.updated_at == 7.0
    assert namespace.resolve("orders/$DeadLetterQueue").description is queue.description


def test_what_is_fixed_at_creation_cannot_be_updated(namespace: Namespace) -> None:
    namespace.create_queue("orders", now=0.0)

    said = "The value for the RequiresSession property of an existing Queue cannot be changed."
    with pytest.raises(ArgumentError, match=said):
        namespace.update_queue("orders", QueueDescription(requires_session=True), now=0.0)
    with pytest.raises(ArgumentError, match="Partitioning cannot be changed for Queue"):
        namespace.update_queue("orders", QueueDescription(enable_partitioning=True), now=0.0)


def test_queues_with_available_messages_are_told_once(namespace: Namespace) -> None:
    queue = namespace.create_queue("orders", now=0.0)
    queue.send(message(), now=0.0)
    queue.send(message(), now=0.0)

    assert namespace.take_ready() == [queue]
    assert namespace.take_ready() == []


def test_the_next_deadline_is_the_earliest_of_all_queues(namespace: Namespace) -> None:
    locked = namespace.create_queue("locked", QueueDescription(lock_duration=30.0), now=0.0)
    scheduled = namespace.create_queue("scheduled", now=0.0)
    locked.send(message(), now=0.0)
    locked.receive(ReceiveMode.PEEK_LOCK, now=0.0)
    scheduled.send(message(scheduled_enqueue_time=20.0), now=0.0)
    namespace.take_ready()

    assert namespace.next_deadline() == 20.0

    namespace.expire(20.0)
    assert namespace.take_ready() == [scheduled]
    assert namespace.next_deadline() == 30.0

    namespace.expire(30.0)
    assert namespace.take_ready() == [locked]
    assert namespace.next_deadline() is None


def test_a_queue_that_still_has_deadlines_is_asked_again(namespace: Namespace) -> None:
    queue = namespace.create_queue("orders", now=0.0)
    for when in (10.0, 20.0):
        queue.send(message(scheduled_enqueue_time=when), now=0.0)

    namespace.expire(10.0)

    assert namespace.next_deadline() == 20.0


def test_subscriptions_and_their_dead_letter_queues_are_found_under_their_topic(
    namespace: Namespace,
) -> None:
    subscription = namespace.create_topic("a/b", now=0.0).create_subscription("All", now=0.0)

    assert namespace.resolve("A/B/subscriptions/all") is subscription
    assert namespace.get_subscription("a/b", "ALL") is subscription
    grave = namespace.resolve("a/b/Subscriptions/all/$DeadLetterQueue")
    assert grave is subscription.dead_letter_queue


@pytest.mark.parametrize(
    "path",
    [
        "t/Subscriptions/other",
        "other/Subscriptions/s",
        "q/Subscriptions/s",
        "t/$DeadLetterQueue",
        "t/Subscriptions/s/$DeadLetterQueue/$DeadLetterQueue",
    ],
)
def test_what_no_topic_has_is_not_found(namespace: Namespace, path: str) -> None:
    namespace.create_queue("q", now=0.0)
    namespace.create_topic("t", now=0.0).create_subscription("s", now=0.0)

    with pytest.raises(EntityNotFound):
        namespace.resolve(path)


def test_nothing_is_received_from_a_topic(namespace: Namespace) -> None:
    namespace.create_topic("t", now=0.0)

    with pytest.raises(OperationNotAllowed, match="received from its subscriptions"):
        namespace.resolve_queue("t")


def test_queues_and_topics_share_their_names_and_their_limit() -> None:
    namespace = Namespace(uuid4, limits=Limits(max_entities=2))
    namespace.create_topic("One", now=0.0)
    with pytest.raises(EntityAlreadyExists):
        namespace.create_queue("one", now=0.0)
    namespace.create_queue("two", now=0.0)
    with pytest.raises(QuotaExceeded):
        namespace.create_topic("three", now=0.0)
    with pytest.raises(EntityNotFound):
        namespace.get_topic("two")
    assert [topic.path for topic in namespace.list_topics()] == ["One"]


def test_an_update_of_a_topic_is_checked(namespace: Namespace) -> None:
    namespace.create_topic("t", now=0.0)
    updated = namespace.update_topic("t", TopicDescription(max_size_in_megabytes=5), now=0.0)

    assert updated.description.max_size_in_megabytes == 5
    with pytest.raises(ArgumentError, match="cannot be changed"):
        namespace.update_topic("t", TopicDescription(enable_partitioning=True), now=0.0)


def test_a_deleted_topic_takes_its_subscriptions_along(namespace: Namespace) -> None:
    topic = namespace.create_topic("t", now=0.0)
    subscription = topic.create_subscription("s", now=0.0)
    topic.send(message(time_to_live=5.0), now=0.0)
    namespace.delete_topic("T")

    assert namespace.next_deadline() is None
    assert namespace.take_ready() == []
    assert len(subscription) == 1
    with pytest.raises(EntityNotFound):
        namespace.resolve("t/Subscriptions/s")


def test_a_deleted_subscription_is_gone(namespace: Namespace) -> None:
    topic = namespace.create_topic("t", now=0.0)
    topic.create_subscription("s", now=0.0)
    namespace.delete_subscription("t", "S", now=0.0)

    assert topic.subscriptions == []
    with pytest.raises(EntityNotFound):
        namespace.delete_subscription("t", "s", now=0.0)
