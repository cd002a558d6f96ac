from typing import Any
from uuid import uuid4

import pytest

from servicebus_emulator.broker.entities import (
    EntityStatus,
    SubscriptionDescription,
    TopicDescription,
)
from servicebus_emulator.broker.errors import (
    ArgumentError,
    EntityAlreadyExists,
    EntityDisabled,
    EntityNotFound,
    MessageNotFound,
    MessageTooLarge,
    QuotaExceeded,
)
from servicebus_emulator.broker.limits import Limits
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.rules import Rule, SqlFilter
from servicebus_emulator.broker.topic import Topic


@pytest.fixture
def topic(namespace: Namespace) -> Topic:
    topic = namespace.create_topic("news", now=0.0)
    topic.create_subscription("one", now=0.0)
    topic.create_subscription("two", now=0.0)
    return topic


def message(name: str = "m", **fields: Any) -> Message:
    return Message(message_id=name, content=b"", **{"size": 10} | fields)


def texts(topic: Topic, name: str, now: float = 0.0) -> list[str]:
    return [each.message_id for each in topic.get_subscription(name).peek(0, 99, now)]


def test_every_subscription_gets_a_message_of_its_own(topic: Topic) -> None:
    topic.send(message("a"), 0.0)
    one = topic.get_subscription("ONE")
    taken = one.receive(ReceiveMode.PEEK_LOCK, 0.0)

    assert taken is not None
    assert texts(topic, "two") == ["a"]
    other = topic.get_subscription("two").receive(ReceiveMode.PEEK_LOCK, 0.0)
    assert other is not None
    assert other.lock != taken.lock


def test_a_scheduled_message_is_offered_when_it_is_due(topic: Topic, namespace: Namespace) -> None:
    numbers = topic.schedule([message("a", scheduled_enqueue_time=5.0)], 0.0)
    late = topic.create_subscription("late", now=1.0)
    before = topic.counts(4.0).scheduled
    namespace.expire(5.0)

    assert (numbers, before, topic.counts(5.0).scheduled) == ([1], 1, 0)
    assert texts(topic, "one", 5.0) == ["a"]
    assert len(late) == 1


def test_a_scheduled_message_is_called_back_once(topic: Topic, namespace: Namespace) -> None:
    [number] = topic.schedule([message("a", scheduled_enqueue_time=5.0)], 0.0)
    topic.cancel_scheduled([number], 0.0)
    namespace.expire(6.0)

    assert texts(topic, "one", 6.0) == []
    with pytest.raises(MessageNotFound):
        topic.cancel_scheduled([number], 6.0)


@pytest.mark.parametrize(
    ("of_message", "of_topic", "of_subscription", "expires"),
    [(None, 5.0, 9.0, 5.0), (3.0, 5.0, 9.0, 3.0), (None, 9.0, 5.0, 5.0), (8.0, 5.0, 9.0, 5.0)],
)
def test_the_shortest_life_counts(
    namespace: Namespace,
    of_message: float | None,
    of_topic: float,
    of_subscription: float,
    expires: float,
) -> None:
    description = TopicDescription(default_message_time_to_live=of_topic)
    topic = namespace.create_topic("news", description, now=0.0)
    wanted = SubscriptionDescription(default_message_time_to_live=of_subscription)
    topic.create_subscription("one", wanted, now=0.0)
    topic.send(message(time_to_live=of_message), 0.0)

    assert texts(topic, "one", expires - 0.1) == ["m"]
    assert texts(topic, "one", expires) == []


def test_a_topic_refuses_as_a_queue_does(namespace: Namespace) -> None:
    topic = namespace.create_topic("news", TopicDescription(max_size_in_megabytes=1), now=0.0)
    topic.create_subscription("one", now=0.0)
    with pytest.raises(MessageTooLarge):
        topic.send(message(size=262_145), 0.0)
    for _ in range(4):
        topic.send(message(size=250_000), 0.0)
    with pytest.raises(QuotaExceeded):
        topic.send(message(size=250_000), 0.0)
    topic.update(TopicDescription(status=EntityStatus.DISABLED), 0.0)
    with pytest.raises(EntityDisabled):
        topic.send(message(), 0.0)


def test_a_subscription_is_there_once(topic: Topic) -> None:
    with pytest.raises(EntityAlreadyExists):
        topic.create_subscription("One", now=0.0)
    with pytest.raises(ArgumentError, match="no valid name"):
        topic.create_subscription("a/b", now=0.0)


def test_a_subscription_may_begin_with_another_rule(topic: Topic) -> None:
    rule = Rule("mine", SqlFilter("n = 1"))
    subscription = topic.create_subscription("some", now=0.0, default_rule=rule)

    assert subscription.rules == [rule]


def test_a_topic_has_no_more_subscriptions_than_the_limit() -> None:
    topic = Namespace(uuid4, limits=Limits(max_subscriptions=1)).create_topic("t", now=0.0)
    topic.create_subscription("one", now=0.0)

    with pytest.raises(QuotaExceeded, match="at most 1 subscriptions"):
        topic.create_subscription("two", now=0.0)


def test_an_update_of_a_subscription_is_checked(topic: Topic) -> None:
    updated = topic.update_subscription(
        "one", SubscriptionDescription(max_delivery_count=3), now=0.0
    )

    assert updated.description.max_delivery_count == 3
    with pytest.raises(ArgumentError, match="cannot be changed"):
        topic.update_subscription("one", SubscriptionDescription(requires_session=True), now=0.0)
    with pytest.raises(EntityNotFound):
        topic.update_subscription("three", SubscriptionDescription(), now=0.0)


def test_a_topic_counts_the_bytes_of_all_its_subscriptions(topic: Topic) -> None:
    topic.send(message(), 0.0)
    topic.send(message(scheduled_enqueue_time=9.0), 0.0)

    assert topic.counts(0.0).size_in_bytes == 30
    assert repr(topic) == "<Topic 'news' with 2 subscriptions>"


def test_a_filter_sees_the_session_of_a_message(topic: Topic) -> None:
    subscription = topic.create_subscription("s", now=0.0)
    subscription.replace_rule(Rule("$Default", SqlFilter("sys.SessionId = 's'")), 0.0)
    for session in ("s", "other", None):
        topic.send(Message("m", b"", 1, session_id=session), 0.0)

    assert len(subscription) == 1


def test_a_subscription_that_is_gone_cannot_go_again(topic: Topic) -> None:
    subscription = topic.create_subscription("s", now=0.0)
    for now in (1.0, 2.0):
        topic.remove_subscription(subscription, now)

    assert subscription not in topic.subscriptions
    assert topic.accessed_at == 1.0
