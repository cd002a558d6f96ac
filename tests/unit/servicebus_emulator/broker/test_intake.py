"""What queues and topics share is tested with them; here is how long an entity stays unused."""

from typing import TYPE_CHECKING

import pytest

from servicebus_emulator.broker.entities import (
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from servicebus_emulator.broker.errors import EntityNotFound
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue

if TYPE_CHECKING:
    from servicebus_emulator.broker.intake import Intake

IDLE = 300.0


@pytest.fixture
def queue(namespace: Namespace) -> Queue:
    return namespace.create_queue("q", QueueDescription(auto_delete_on_idle=IDLE), now=0.0)


def message() -> Message:
    return Message(message_id="m", content=b"", size=1)


def is_there(namespace: Namespace, path: str) -> bool:
    try:
        namespace.resolve(path)
    except EntityNotFound:
        return False
    return True


def test_an_entity_that_nobody_uses_removes_itself(namespace: Namespace, queue: Queue) -> None:
    assert namespace.next_deadline() == queue.idle_at() == IDLE
    namespace.expire(IDLE - 1)
    before = is_there(namespace, "q")
    namespace.expire(IDLE)

    assert (before, is_there(namespace, "q"), namespace.removals) == (True, False, 1)
    assert namespace.next_deadline() is None


@pytest.mark.parametrize("operation", ["send", "receive", "peek", "update"])
def test_any_use_puts_the_end_off(namespace: Namespace, queue: Queue, operation: str) -> None:
    match operation:
        case "send":
            queue.send(message(), 100.0)
        case "receive":
            queue.receive(ReceiveMode.PEEK_LOCK, 100.0)
        case "peek":
            queue.peek(0, 1, 100.0)
        case "update":
            namespace.update_queue("q", queue.description, now=100.0)  # type: ignore[arg-type]
    namespace.expire(IDLE + 99.0)
    before = is_there(namespace, "q")
    namespace.expire(IDLE + 100.0)

    assert (before, is_there(namespace, "q")) == (True, False)


@pytest.mark.parametrize("held", ["queue", "dead-letter queue"])
def test_a_link_keeps_an_entity_and_its_end_begins_the_time_anew(
    namespace: Namespace, queue: Queue, held: str
) -> None:
    entity: Intake | None = queue if held == "queue" else queue.dead_letter_queue
    assert entity is not None
    entity.hold()
    namespace.expire(10 * IDLE)
    entity.let_go(10 * IDLE)
    namespace.expire(11 * IDLE - 1)
    before = is_there(namespace, "q")
    namespace.expire(11 * IDLE)

    assert (before, is_there(namespace, "q")) == (True, False)


def test_a_scheduled_message_keeps_an_entity(namespace: Namespace, queue: Queue) -> None:
    later = message()
    later.scheduled_enqueue_time = 3 * IDLE
    queue.send(later, 0.0)
    namespace.expire(2 * IDLE)

    assert is_there(namespace, "q")
    assert queue.idle_at() is None
    namespace.expire(3 * IDLE)
    assert queue.idle_at() is not None


def test_a_subscription_removes_itself_from_its_topic(namespace: Namespace) -> None:
    topic = namespace.create_topic("t", now=0.0)
    topic.create_subscription("s", SubscriptionDescription(auto_delete_on_idle=IDLE), now=0.0)
    namespace.expire(IDLE)

    assert topic.subscriptions == []
    assert not is_there(namespace, "t/Subscriptions/s")
    assert is_there(namespace, "t")


def test_a_topic_is_used_as_long_as_a_subscription_is(namespace: Namespace) -> None:
    topic = namespace.create_topic("t", TopicDescription(auto_delete_on_idle=IDLE), now=0.0)
    subscription = topic.create_subscription("s", now=0.0)
    subscription.hold()
    namespace.expire(5 * IDLE)
    held = is_there(namespace, "t")
    subscription.let_go(5 * IDLE)
    subscription.receive(ReceiveMode.PEEK_LOCK, 5 * IDLE)
    topic.touch(5 * IDLE)
    namespace.expire(6 * IDLE)

    assert (held, is_there(namespace, "t"), is_there(namespace, "t/subscriptions/s")) == (
        True,
        False,
        False,
    )
