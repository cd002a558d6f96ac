from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from servicebus_emulator.broker.entities import (
    IntakeDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from servicebus_emulator.broker.errors import ArgumentError, ArgumentOutOfRange, QuotaExceeded
from servicebus_emulator.broker.limits import PROFILES, Limits
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.rules import (
    CorrelationFilter,
    Filter,
    Rule,
    SqlFilter,
)

TIERS = ["official", "standard", "premium"]


def namespace(profile: str) -> Namespace:
    return Namespace(uuid4, limits=PROFILES[profile])


@pytest.mark.parametrize("profile", TIERS)
@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("lock_duration", 5.0),
        ("default_message_time_to_live", 1.0),
        ("duplicate_detection_history_time_window", 20.0),
    ],
)
def test_a_tier_says_how_short_a_time_may_be(profile: str, name: str, least: float) -> None:
    short: dict[str, Any] = {name: least - 0.5}
    exact: dict[str, Any] = {name: least}
    place = namespace(profile)

    with pytest.raises(ArgumentOutOfRange, match=f"at least {least:g} seconds"):
        place.create_queue("q", QueueDescription(**short), now=0.0)
    place.create_queue("q", QueueDescription(**exact), now=0.0)
    with pytest.raises(ArgumentOutOfRange, match="at least"):
        place.update_queue("q", QueueDescription(**short), now=0.0)


@pytest.mark.parametrize("profile", TIERS)
def test_a_subscription_locks_no_shorter_than_a_queue(profile: str) -> None:
    topic = namespace(profile).create_topic("t", now=0.0)
    topic.create_subscription("s", now=0.0)
    short = SubscriptionDescription(lock_duration=4.0)

    with pytest.raises(ArgumentOutOfRange, match="LockDuration"):
        topic.create_subscription("other", short, now=0.0)
    with pytest.raises(ArgumentOutOfRange, match="LockDuration"):
        topic.update_subscription("s", short, now=0.0)


def test_tests_may_lock_as_briefly_as_they_like() -> None:
    for limits in (None, PROFILES["unlimited"]):
        place = Namespace(uuid4, limits=limits)
        place.create_queue("q", QueueDescription(lock_duration=0.1), now=0.0)


@pytest.mark.parametrize(
    ("profile", "size"), [("standard", 1000), ("standard", 10_240), ("premium", 6144)]
)
def test_a_tier_says_which_sizes_there_are(profile: str, size: int) -> None:
    with pytest.raises(ArgumentError, match=f"{size} is invalid.*1024;2048;3072"):
        namespace(profile).create_topic("t", TopicDescription(max_size_in_megabytes=size), now=0.0)


def test_the_premium_tier_has_larger_entities() -> None:
    wanted = QueueDescription(max_size_in_megabytes=81_920)

    assert namespace("premium").create_queue("q", wanted, now=0.0).description == wanted


@pytest.mark.parametrize(
    ("limits", "wanted", "name"),
    [
        (Limits(max_sql_filters=2), SqlFilter("a = 1"), "SQL"),
        (Limits(max_correlation_filters=2), CorrelationFilter(user={"a": 1}), "correlation"),
    ],
)
def test_the_filters_of_all_subscriptions_of_a_topic_count(
    limits: Limits, wanted: Filter, name: str
) -> None:
    topic = Namespace(uuid4, limits=limits).create_topic("t", now=0.0)
    one, other = (topic.create_subscription(each, now=0.0) for each in ("one", "other"))
    for subscription in (one, other):
        subscription.add_rule(Rule("r", wanted), 0.0)

    with pytest.raises(QuotaExceeded, match=f"at most 2 {name} filters"):
        one.add_rule(Rule("more", wanted), 0.0)
    with pytest.raises(QuotaExceeded):
        one.replace_rule(Rule("$Default", wanted), 0.0)
    one.replace_rule(Rule("r", wanted), 0.0)
    one.add_rule(Rule("all"), 0.0)
    other.remove_rule("r", 0.0)
    one.add_rule(Rule("more", wanted), 0.0)


def test_each_tier_has_its_number_of_filters() -> None:
    counts = [
        (PROFILES[name].max_sql_filters, PROFILES[name].max_correlation_filters) for name in TIERS
    ]

    assert counts == [(70, 1000), (2000, 100_000), (2000, 100_000)]


@pytest.mark.parametrize(("profile", "size"), [("standard", 65_536), ("premium", 4096)])
def test_a_partitioned_entity_has_the_size_of_all_its_partitions(profile: str, size: int) -> None:
    place = namespace(profile)
    asked: dict[str, Any] = {"max_size_in_megabytes": 4096, "enable_partitioning": True}
    description = QueueDescription(**asked)
    for made in (
        place.create_queue("q", description, now=0.0),
        place.create_topic("t", TopicDescription(**asked), now=0.0),
    ):
        assert isinstance(made.description, IntakeDescription)
        assert made.description.max_size_in_megabytes == size
    again = replace(description, max_size_in_megabytes=size, lock_duration=30.0)
    assert place.update_queue("q", again, now=0.0).description == again


def test_a_partitioned_entity_grows_no_larger_than_any_may_be() -> None:
    asked = QueueDescription(max_size_in_megabytes=81_920, enable_partitioning=True)

    assert Namespace(uuid4).create_queue("q", asked, now=0.0).description == asked
