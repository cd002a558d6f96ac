from typing import Any

import pytest

from servicebus_emulator.broker.duplicates import History
from servicebus_emulator.broker.entities import QueueDescription, TopicDescription
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue

WINDOW = 60.0
DETECTING: dict[str, Any] = {
    "requires_duplicate_detection": True,
    "duplicate_detection_history_time_window": WINDOW,
}


@pytest.fixture
def queue(namespace: Namespace) -> Queue:
    return namespace.create_queue("q", QueueDescription(**DETECTING), now=0.0)


def message(name: str, **fields: Any) -> Message:
    return Message(message_id=name, content=b"", size=1, **fields)


def names(queue: Queue, now: float = 0.0) -> list[str]:
    return [each.message_id for each in queue.peek(0, 99, now)]


def test_an_identity_is_remembered_from_when_it_was_first_seen() -> None:
    history = History()

    assert history.is_new("a", 0.0, WINDOW)
    assert not history.is_new("a", WINDOW - 1, WINDOW)
    assert history.is_new("a", WINDOW, WINDOW)
    assert not history.is_new("a", WINDOW + 1, WINDOW)
    assert len(history) == 1


def test_nothing_is_remembered_longer_than_its_time_even_when_the_window_changes() -> None:
    history = History()
    history.is_new("long", 0.0, 100.0)
    history.is_new("short", 0.0, 10.0)

    assert history.is_new("short", 50.0, 10.0)
    assert not history.is_new("long", 50.0, 10.0)
    assert history.is_new("other", 100.0, 10.0)
    assert len(history) == 1
    history.forget_all()
    assert len(history) == 0


def test_a_duplicate_is_taken_and_left_out(queue: Queue) -> None:
    queue.send_batch([message("a"), message("b"), message("a")], 0.0)
    queue.send(message("b"), WINDOW - 1)

    assert names(queue) == ["a", "b"]
    queue.send(message("b"), WINDOW)
    assert names(queue, WINDOW) == ["a", "b", "b"]


def test_an_identity_counts_after_its_message_is_gone_and_before_it_is_due(queue: Queue) -> None:
    queue.send(message("a"), 0.0)
    queue.receive(ReceiveMode.RECEIVE_AND_DELETE, 0.0)
    queue.send(message("later", scheduled_enqueue_time=50.0), 0.0)
    queue.send_batch([message("a"), message("later")], 1.0)
    queue.expire(50.0)

    assert names(queue, 50.0) == ["later"]


def test_a_topic_detects_duplicates_for_its_subscriptions(namespace: Namespace) -> None:
    topic = namespace.create_topic("t", TopicDescription(**DETECTING), now=0.0)
    subscription = topic.create_subscription("s", now=0.0)
    topic.send_batch([message("a"), message("a")], 0.0)

    assert names(subscription) == ["a"]


def test_a_queue_that_was_cleared_remembers_nothing(queue: Queue) -> None:
    queue.send(message("a"), 0.0)
    queue.clear()
    queue.send(message("a"), 0.0)

    assert names(queue) == ["a"]
