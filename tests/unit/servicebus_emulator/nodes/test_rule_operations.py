"""Rules over AMQP: what the management node reads and writes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from servicebus_emulator.amqp.types import Described, Int, Timestamp, ULong
from servicebus_emulator.broker.errors import (
    ArgumentError,
    EntityAlreadyExists,
    EntityNotFound,
    OperationNotAllowed,
)
from servicebus_emulator.broker.facts import Facts
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.broker.subscription import Subscription
from servicebus_emulator.nodes.calls import BadRequestError, Call
from servicebus_emulator.nodes.management_operations import OPERATIONS
from tests.unit.servicebus_emulator.nodes.test_management_operations import NOW, new_id

NO_ACTION = Described(ULong(0x13700000005), [])
CREATED = Timestamp(1_000_000)


@pytest.fixture
def subscription() -> Subscription:
    topic = Namespace(new_id).create_topic("news", now=NOW)
    return topic.create_subscription("all", now=NOW)


def call(entity: Queue, operation: str, **body: Any) -> Any:
    fields = {name.replace("_", "-"): value for name, value in body.items()}
    return OPERATIONS[f"com.microsoft:{operation}"].run(Call(entity, fields, NOW, new_id))


def add(subscription: Subscription, name: str = "mine", **description: Any) -> Any:
    wanted = {key.replace("_", "-"): value for key, value in description.items()}
    return call(subscription, "add-rule", rule_name=name, rule_description=wanted)


def listed(subscription: Subscription) -> list[Any]:
    result = call(subscription, "enumerate-rules", skip=0, top=100)
    rules = [entry["rule-description"] for entry in result["rules"]]
    assert all(rule.descriptor == 0x13700000004 for rule in rules)
    return [rule.value for rule in rules]


def test_the_default_rule_is_listed_with_its_true_filter(subscription: Subscription) -> None:
    everything = Described(ULong(0x1370000007), [])

    assert listed(subscription) == [[everything, NO_ACTION, "$Default", CREATED]]


def test_a_condition_and_an_action_come_back_as_they_were_sent(subscription: Subscription) -> None:
    add(
        subscription,
        sql_filter={"expression": "a = 1"},
        sql_rule_action={"expression": "SET a = 2"},
    )

    [_, rule] = listed(subscription)
    assert rule == [
        Described(ULong(0x1370000006), ["a = 1", Int(20)]),
        Described(ULong(0x13700000006), ["SET a = 2", Int(20)]),
        "mine",
        CREATED,
    ]


def test_a_correlation_filter_is_listed_in_the_order_that_clients_read(
    subscription: Subscription,
) -> None:
    add(
        subscription,
        correlation_filter={
            "label": "l",
            "correlation-id": "c",
            "content-type": None,
            "properties": {"n": 1},
        },
    )

    [_, rule] = listed(subscription)
    fields = ["c", None, None, None, "l", None, None, None, {"n": 1}]
    assert rule[0] == Described(ULong(0x1370000009), fields)


def test_a_time_that_a_correlation_filter_wants_is_compared_and_listed(
    subscription: Subscription,
) -> None:
    wanted = {"when": Timestamp(1500)}
    add(subscription, correlation_filter={"properties": wanted})
    rule = subscription.get_rule("mine")
    moment = datetime.fromtimestamp(1.5, UTC)

    assert rule.filter.selects(Facts(new_id, {}, {"when": moment}))
    assert listed(subscription)[1][0].value[-1] == wanted


def test_true_and_false_filters_are_known(subscription: Subscription) -> None:
    add(subscription, "no", false_filter={})
    add(subscription, "yes", true_filter={})

    codes = [rule[0].descriptor for rule in listed(subscription)]
    assert codes == [0x1370000007, 0x1370000008, 0x1370000007]


def test_an_empty_action_is_none(subscription: Subscription) -> None:
    add(subscription, true_filter={}, sql_rule_action={"expression": " "})

    assert listed(subscription)[1][1] == NO_ACTION


def test_rules_are_removed_and_listed_in_pages(subscription: Subscription) -> None:
    add(subscription, "b", true_filter={})
    add(subscription, "a", true_filter={})
    call(subscription, "remove-rule", rule_name="$default")

    assert [rule[2] for rule in listed(subscription)] == ["a", "b"]
    [entry] = call(subscription, "enumerate-rules", skip=1, top=1)["rules"]
    assert entry["rule-description"].value[2] == "b"
    assert call(subscription, "enumerate-rules", skip=2, top=1) is None


def test_what_cannot_be_is_refused(subscription: Subscription) -> None:
    with pytest.raises(BadRequestError, match="neither a sql-filter"):
        add(subscription)
    with pytest.raises(BadRequestError, match="is no map"):
        add(subscription, correlation_filter={"properties": [1]})
    with pytest.raises(ArgumentError, match="at position"):
        add(subscription, sql_filter={"expression": "a ="})
    with pytest.raises(EntityAlreadyExists):
        add(subscription, "$Default", true_filter={})
    with pytest.raises(EntityNotFound):
        call(subscription, "remove-rule", rule_name="other")


def test_only_subscriptions_have_rules_and_topics_no_messages() -> None:
    namespace = Namespace(new_id)
    queue, topic = namespace.create_queue("q", now=NOW), namespace.create_topic("t", now=NOW)

    with pytest.raises(OperationNotAllowed, match="no subscription"):
        call(queue, "enumerate-rules", skip=0, top=1)
    with pytest.raises(OperationNotAllowed, match="keeps no messages"):
        OPERATIONS["com.microsoft:peek-message"].run(
            Call(topic, {"from-sequence-number": 0, "message-count": 1}, NOW, new_id)
        )
