from uuid import uuid4

import pytest

from servicebus_emulator.broker.errors import ArgumentError
from servicebus_emulator.broker.facts import Facts
from servicebus_emulator.broker.rules import (
    BooleanFilter,
    CorrelationFilter,
    Rule,
    SqlAction,
    SqlFilter,
)


def facts(system: dict[str, object] | None = None, **user: object) -> Facts:
    return Facts(uuid4, system or {}, dict(user))


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_filter_is_what_it_says(value: bool) -> None:
    assert BooleanFilter(value).selects(facts()) is value


def test_a_correlation_filter_wants_all_its_properties_exactly() -> None:
    wanted = CorrelationFilter({"Subject": "a"}, {"n": 1})

    assert wanted.selects(facts({"Subject": "a"}, n=1))
    assert not wanted.selects(facts({"Subject": "A"}, n=1))
    assert not wanted.selects(facts({"Subject": "a"}, n="1"))
    assert not wanted.selects(facts({"Subject": "a"}, n=True))
    assert not wanted.selects(facts({"Subject": "a"}))


def test_a_correlation_filter_needs_a_property() -> None:
    with pytest.raises(ArgumentError, match="at least one property"):
        CorrelationFilter()


def test_a_sql_filter_selects_what_is_true_and_not_what_is_unknown() -> None:
    wanted = SqlFilter("n = @n", {"@n": 1})

    assert wanted.selects(facts(n=1))
    assert not wanted.selects(facts(n=2))
    assert not wanted.selects(facts())


def test_a_condition_or_an_action_is_read_when_it_is_made() -> None:
    with pytest.raises(ArgumentError):
        SqlFilter("n =")
    with pytest.raises(ArgumentError):
        SqlAction("n = 1")


def test_an_action_changes_properties() -> None:
    changed = facts(n=1)
    SqlAction("SET n = @n", {"@n": 2}).apply(changed)

    assert changed.user("n") == 2


def test_a_plain_rule_selects_everything_as_it_is() -> None:
    assert Rule("r").is_plain
    assert not Rule("r", BooleanFilter(value=False)).is_plain
    assert not Rule("r", action=SqlAction("SET a = 1")).is_plain


@pytest.mark.parametrize("name", ["", "a/b", "a b", "x" * 51, "-a"])
def test_a_rule_needs_a_legal_name(name: str) -> None:
    Rule("$Default").validate()
    with pytest.raises(ArgumentError, match="no valid name"):
        Rule(name).validate()
