from uuid import UUID

import pytest

from servicebus_emulator.broker.errors import ArgumentError
from servicebus_emulator.broker.facts import REMOVED, Facts, FilterError
from servicebus_emulator.broker.sql.statements import parse_action, parse_condition


def apply(text: str) -> Facts:
    facts = Facts(lambda: UUID(int=7), {"Subject": "a"}, {"x": 1, "y": 2})
    for statement in parse_action(text):
        statement.apply(facts)
    return facts


@pytest.mark.parametrize("text", ["SET z = x + y; SET x = z", "SET z = x + y, SET x = z;"])
def test_statements_see_what_those_before_have_set(text: str) -> None:
    assert apply(text).user_changes == {"z": 3, "x": 3}


def test_a_property_is_set_whatever_the_case_of_its_name() -> None:
    assert apply("SET X = newid()").user_properties == {"x": UUID(int=7), "y": 2}


def test_a_removed_property_is_no_more() -> None:
    facts = apply("REMOVE x REMOVE user.missing REMOVE sys.Label")

    assert facts.user_properties == {"y": 2}
    assert facts.user_changes == {"x": REMOVED, "missing": REMOVED}
    assert facts.system_changes == {"Subject": REMOVED}
    assert facts.system("Subject") is None


def test_a_system_property_is_set_to_strings_only() -> None:
    assert apply("SET sys.To = sys.Label + '!'").system_changes == {"To": "a!"}
    with pytest.raises(FilterError, match="takes a string"):
        apply("SET sys.To = 5")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'SET' or 'REMOVE' is expected at position 1"),
        ("x = 1", "'SET' or 'REMOVE' is expected"),
        ("SET x", "'=' is expected at position 6"),
        ("SET x = 1 x", "left over"),
        ("SET sys.SequenceNumber = 1", "read-only at position 9"),
        ("REMOVE sys.EnqueuedTimeUtc", "read-only"),
        ("REMOVE x;" * 33, "at most 32 statements"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, problem: str) -> None:
    with pytest.raises(ArgumentError, match=problem):
        parse_action(text)


def test_nothing_may_follow_a_condition() -> None:
    with pytest.raises(ArgumentError, match="left over"):
        parse_condition("a = 1;")
