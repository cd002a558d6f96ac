import re

import pytest

from celery_azure.subscriptions import (
    TAKES_ALL,
    Rule,
    Subscription,
    queue_name,
    subscription_name,
    topic_name,
)


def test_a_legal_name_stays_as_it_is() -> None:
    assert topic_name("team/celery.pidbox") == "team/celery.pidbox"
    assert subscription_name("worker-1.celery.pidbox") == "worker-1.celery.pidbox"


def test_a_name_that_is_not_legal_becomes_one_of_its_own() -> None:
    names = [subscription_name(name) for name in ("celery@a", "celery_a", "celery/a", "celery:a")]
    assert names[0].startswith("celery_a-")
    assert len(set(names)) == 4


@pytest.mark.parametrize("name", ["jobs", "team/jobs", "a.b-c_d", "A", "x" * 260, "a b@c", "a_b_c"])
def test_what_a_queue_s_name_cannot_have_is_a_line_as_with_kombu_s_transport(name: str) -> None:
    assert queue_name(name) == name.replace(" ", "_").replace("@", "_")


@pytest.mark.parametrize("name", ["é-jobs", "x" * 261, "a//b", "/a", "a/", ".", "jobs!", "ю" * 9])
def test_what_is_no_name_of_a_queue_even_then_becomes_one_of_its_own(name: str) -> None:
    made = queue_name(name)
    assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?", made)
    assert len(made) <= 260
    assert "//" not in made
    assert made != queue_name(f"{name}?")
    assert queue_name(made) == made


@pytest.mark.parametrize("name", ["x" * 51, "@" * 300, "-a.", "é", "a" * 40 + "...........b"])
def test_every_name_is_within_the_limits_of_service_bus(name: str) -> None:
    made = subscription_name(name)
    assert 1 <= len(made) <= 50
    assert made[0].isalnum()
    assert made[-1].isalnum()
    assert made == subscription_name(name)
    assert made != subscription_name(f"{name}!")


def test_the_path_of_a_subscription_is_below_its_topic() -> None:
    assert Subscription("t", "s").path == "t/Subscriptions/s"


def test_a_rule_without_wildcards_asks_for_the_key_itself() -> None:
    assert Rule("worker.online", is_pattern=True).sql is None
    assert Rule("a.#", is_pattern=False).sql is None


def test_a_pattern_becomes_like_and_what_like_knows_is_escaped() -> None:
    rule = Rule(r"it's_50%\.*.#", is_pattern=True)
    assert rule.sql == r"celery_routing_key LIKE 'it''s\_50\%\\.%.%' ESCAPE '\'"


def test_only_the_pattern_of_everything_takes_all() -> None:
    assert Rule("#", is_pattern=True) == TAKES_ALL
    assert Rule("#", is_pattern=False) != TAKES_ALL != Rule("a.#", is_pattern=True)


def test_different_rules_have_different_legal_names() -> None:
    rules = [Rule("#", True), Rule("#", False), Rule("a.#", True), Rule("a.*", True)]
    names = {rule.name for rule in rules}
    assert len(names) == 4
    assert all(len(name) <= 50 for name in names)
