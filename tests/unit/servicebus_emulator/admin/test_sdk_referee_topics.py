"""Likewise, topics, subscriptions and rules."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.servicebus.management import (
    CorrelationRuleFilter,
    FalseRuleFilter,
    ServiceBusAdministrationClient,
    SqlRuleAction,
    SqlRuleFilter,
    TrueRuleFilter,
)

from servicebus_emulator.broker.message import Message
from servicebus_emulator.broker.namespace import Namespace
from tests.unit.servicebus_emulator.admin.sdk_client import NOW


def test_a_topic_comes_back_as_it_was_created(client: ServiceBusAdministrationClient) -> None:
    client.create_topic(
        "news/all",
        default_message_time_to_live=timedelta(hours=1),
        auto_delete_on_idle=timedelta(minutes=10),
        max_size_in_megabytes=2048,
        user_metadata="x",
    )
    found = client.get_topic("news/all")

    assert found.name == "news/all"
    assert found.default_message_time_to_live == timedelta(hours=1)
    assert found.auto_delete_on_idle == timedelta(minutes=10)
    assert (found.max_size_in_megabytes, found.user_metadata) == (2048, "x")
    assert [topic.name for topic in client.list_topics()] == ["news/all"]
    assert list(client.list_queues()) == []


def test_a_topic_and_a_queue_share_their_names(client: ServiceBusAdministrationClient) -> None:
    client.create_topic("news")

    with pytest.raises(ResourceExistsError):
        client.create_queue("NEWS")


def test_a_topic_is_updated_and_deleted_with_all_it_has(
    client: ServiceBusAdministrationClient,
) -> None:
    topic = client.create_topic("news")
    client.create_subscription("news", "all")
    client.update_topic(topic, max_size_in_megabytes=3072)
    updated = client.get_topic("news")
    client.delete_topic("news")

    assert updated.max_size_in_megabytes == 3072
    for get in (client.get_topic, client.get_topic_runtime_properties):
        with pytest.raises(ResourceNotFoundError):
            get("news")
    with pytest.raises(ResourceNotFoundError):
        client.get_subscription("news", "all")


def test_a_subscription_comes_back_as_it_was_created(
    client: ServiceBusAdministrationClient,
) -> None:
    client.create_topic("news")
    created = client.create_subscription(
        "news",
        "all",
        lock_duration=timedelta(seconds=7),
        max_delivery_count=3,
        dead_lettering_on_message_expiration=True,
        dead_lettering_on_filter_evaluation_exceptions=False,
        user_metadata="x",
    )
    found = client.get_subscription("news", "all")

    assert found.name == created.name == "all"
    assert found.lock_duration == timedelta(seconds=7)
    assert found.max_delivery_count == 3
    assert found.dead_lettering_on_message_expiration is True
    assert found.dead_lettering_on_filter_evaluation_exceptions is False
    assert found.user_metadata == "x"
    with pytest.raises(ResourceExistsError):
        client.create_subscription("news", "ALL")


def test_subscriptions_are_listed_updated_and_deleted(
    client: ServiceBusAdministrationClient,
) -> None:
    client.create_topic("news")
    for number in range(105):
        client.create_subscription("news", f"s{number:03}")
    one = client.get_subscription("news", "s007")
    client.update_subscription("news", one, max_delivery_count=4)
    client.delete_subscription("news", "s000")

    names = [each.name for each in client.list_subscriptions("news")]
    assert names == [f"s{number:03}" for number in range(1, 105)]
    assert client.get_subscription("news", "s007").max_delivery_count == 4


def test_a_subscription_needs_its_topic(client: ServiceBusAdministrationClient) -> None:
    client.create_queue("orders")

    for topic in ("orders", "nothing"):
        with pytest.raises(ResourceNotFoundError):
            client.create_subscription(topic, "all")


def test_runtime_properties_of_topics_and_subscriptions_count_messages(
    client: ServiceBusAdministrationClient, namespace: Namespace
) -> None:
    client.create_topic("news")
    client.create_subscription("news", "all")
    client.create_subscription("news", "none")
    client.delete_rule("news", "none", "$Default")
    topic = namespace.get_topic("news")
    topic.send(Message(message_id="m", content=b"", size=100), NOW)
    later = Message(message_id="s", content=b"", size=100, scheduled_enqueue_time=NOW + 60)
    topic.send(later, NOW)

    of_topic = client.get_topic_runtime_properties("news")
    [of_all, of_none] = client.list_subscriptions_runtime_properties("news")

    assert (of_topic.subscription_count, of_topic.scheduled_message_count) == (2, 1)
    assert of_topic.size_in_bytes == 200
    assert (of_all.active_message_count, of_all.total_message_count) == (1, 1)
    assert (of_none.name, of_none.total_message_count) == ("none", 0)


def test_a_new_subscription_has_the_default_rule(client: ServiceBusAdministrationClient) -> None:
    client.create_topic("news")
    client.create_subscription("news", "all")

    [rule] = client.list_rules("news", "all")
    assert rule.name == "$Default"
    assert isinstance(rule.filter, TrueRuleFilter)
    assert rule.action is None


@pytest.mark.parametrize(
    "wanted",
    [
        SqlRuleFilter("a = @a AND b > 5", {"@a": "x", "@b": 5, "@c": 2**40, "@d": 0.5}),
        FalseRuleFilter(),
        CorrelationRuleFilter(
            correlation_id="c",
            label="l",
            to="t",
            message_id="m",
            properties={
                "text": "x",
                "number": 5,
                "flag": True,
                "time": datetime(2020, 7, 5, 11, 12, 13),  # noqa: DTZ001 (as its users write it)
                "span": timedelta(days=1, hours=2),
            },
        ),
    ],
)
def test_a_rule_comes_back_as_it_was_created(
    client: ServiceBusAdministrationClient, wanted: Any
) -> None:
    client.create_topic("news")
    client.create_subscription("news", "all")
    action = SqlRuleAction("SET x = @p", {"@p": "v"})
    client.create_rule("news", "all", "mine", filter=wanted, action=action)
    found = client.get_rule("news", "all", "mine")

    assert found.name == "mine"
    assert isinstance(found.action, SqlRuleAction)
    assert (found.action.sql_expression, found.action.parameters) == ("SET x = @p", {"@p": "v"})
    assert type(found.filter) is type(wanted)
    for name in set(vars(wanted)) - {"requires_preprocessing"}:  # which the service leaves out
        assert (getattr(found.filter, name) or None) == (getattr(wanted, name) or None), name


def test_a_rule_is_updated_and_deleted(client: ServiceBusAdministrationClient) -> None:
    client.create_topic("news")
    client.create_subscription("news", "all")
    rule = client.create_rule("news", "all", "mine", filter=SqlRuleFilter("a = 1"))
    with pytest.raises(ResourceExistsError):
        client.create_rule("news", "all", "Mine")
    rule.filter = SqlRuleFilter("a = 2")
    client.update_rule("news", "all", rule)
    updated = client.get_rule("news", "all", "mine").filter
    client.delete_rule("news", "all", "mine")

    assert isinstance(updated, SqlRuleFilter)
    assert updated.sql_expression == "a = 2"
    with pytest.raises(ResourceNotFoundError):
        client.get_rule("news", "all", "mine")
    with pytest.raises(ResourceNotFoundError):
        client.delete_rule("news", "all", "mine")
    with pytest.raises(ResourceNotFoundError):
        client.update_rule("news", "all", rule)


def test_a_condition_that_breaks_the_grammar_is_refused_with_its_place(
    client: ServiceBusAdministrationClient,
) -> None:
    client.create_topic("news")
    client.create_subscription("news", "all")

    with pytest.raises(HttpResponseError, match="at position 5"):
        client.create_rule("news", "all", "mine", filter=SqlRuleFilter("a = ="))
