from typing import Any

import pytest

from servicebus_emulator.broker.entities import SubscriptionDescription
from servicebus_emulator.broker.errors import (
    ArgumentError,
    EntityAlreadyExists,
    EntityNotFound,
)
from servicebus_emulator.broker.facts import REMOVED
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.rules import BooleanFilter, Rule, SqlAction, SqlFilter
from servicebus_emulator.broker.subscription import Subscription
from servicebus_emulator.broker.topic import Topic


@pytest.fixture
def topic(namespace: Namespace) -> Topic:
    return namespace.create_topic("news", now=0.0)


@pytest.fixture
def subscription(topic: Topic) -> Subscription:
    return topic.create_subscription("all", now=0.0)


def send(topic: Topic, name: str = "m", now: float = 0.0, **properties: Any) -> None:
    topic.send(Message(message_id=name, content=b"", size=1, properties_to_modify=properties), now)


def take(subscription: Subscription) -> Message:
    message = subscription.receive(ReceiveMode.RECEIVE_AND_DELETE, 0.0)
    assert message is not None
    return message


def only(subscription: Subscription, *rules: Rule) -> None:
    subscription.remove_rule("$default", 0.0)
    for rule in rules:
        subscription.add_rule(rule, 0.0)


def test_it_selects_everything_until_its_default_rule_is_removed(
    topic: Topic, subscription: Subscription
) -> None:
    send(topic, "a")
    subscription.remove_rule("$Default", 0.0)
    send(topic, "b")

    assert [message.message_id for message in subscription.peek(0, 9, 0.0)] == ["a"]


def test_rules_without_action_select_once_together(
    topic: Topic, subscription: Subscription
) -> None:
    only(subscription, Rule("a", SqlFilter("n > 0")), Rule("b", SqlFilter("n > 1")))
    send(topic, n=2)
    send(topic, n=0)

    assert len(subscription) == 1


def test_each_rule_with_an_action_makes_a_changed_copy(
    topic: Topic, subscription: Subscription
) -> None:
    only(
        subscription,
        Rule("a", action=SqlAction("SET n = n + 1; REMOVE gone")),
        Rule("b", action=SqlAction("SET sys.MessageId = 'new'; SET sys.SessionId = 's'")),
        Rule("c"),
        Rule("d", BooleanFilter(value=False), SqlAction("SET n = 0")),
    )
    send(topic, n=1, gone=True)
    plain, first, second = (take(subscription) for _ in range(3))

    assert len(subscription) == 0
    assert plain.properties_to_modify == {"n": 1, "gone": True}
    assert first.properties_to_modify == {"n": 2, "gone": REMOVED, "RuleName": "a"}
    assert (second.message_id, second.session_id) == ("new", "s")
    assert second.system_changes == {"MessageId": "new", "SessionId": "s"}


def test_a_copy_remembers_its_number_in_the_topic(topic: Topic, subscription: Subscription) -> None:
    send(topic, "before")
    take(subscription)
    late = topic.create_subscription("late", now=0.0)
    send(topic, "now")
    copy = take(late)

    assert (copy.sequence_number, copy.origin_sequence_number) == (1, 2)


@pytest.mark.parametrize("buries", [True, False])
def test_a_message_that_a_rule_fails_on_is_dead_lettered_or_dropped(
    topic: Topic, buries: bool
) -> None:
    description = SubscriptionDescription(dead_lettering_on_filter_evaluation_exceptions=buries)
    subscription = topic.create_subscription("strict", description, now=0.0)
    only(subscription, Rule("r", SqlFilter("n > 1")))
    send(topic, n="one")
    grave = subscription.dead_letter_queue
    assert grave is not None

    letters = grave.peek(0, 9, 0.0)
    assert len(subscription) == 0
    assert len(letters) == buries
    for letter in letters:
        assert letter.dead_letter_reason == "FilterEvaluationException"
        assert "no order" in (letter.dead_letter_description or "")


def test_a_rule_is_there_once_and_replaced_by_its_name(subscription: Subscription) -> None:
    subscription.add_rule(Rule("mine", SqlFilter("n = 1")), 0.0)
    with pytest.raises(EntityAlreadyExists):
        subscription.add_rule(Rule("MINE"), 0.0)
    subscription.replace_rule(Rule("Mine", SqlFilter("n = 2")), 5.0)

    assert subscription.get_rule("mine").filter == SqlFilter("n = 2")
    assert [rule.name for rule in subscription.rules] == ["$Default", "Mine"]
    assert subscription.accessed_at == 5.0


def test_a_rule_that_is_missing_is_not_found(subscription: Subscription) -> None:
    with pytest.raises(EntityNotFound):
        subscription.get_rule("mine")
    with pytest.raises(EntityNotFound):
        subscription.remove_rule("mine", 0.0)
    with pytest.raises(EntityNotFound):
        subscription.replace_rule(Rule("mine"), 0.0)


def test_nobody_can_send_to_it(subscription: Subscription) -> None:
    with pytest.raises(ArgumentError, match="come into 'news/Subscriptions/all' from its topic"):
        subscription.send(Message(message_id="m", content=b"", size=1), 0.0)
