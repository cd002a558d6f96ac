from uuid import uuid4

from servicebus_emulator.broker.facts import Facts


def test_a_senders_property_is_found_exactly_before_it_is_found_in_another_case() -> None:
    facts = Facts(uuid4, {}, {"Colour": 1, "colour": 2, 5: 3})

    assert (facts.user("Colour"), facts.user("colour")) == (1, 2)
    assert facts.user("COLOUR") in {1, 2}
    assert facts.user("5") is None


def test_a_property_without_value_is_there_all_the_same() -> None:
    facts = Facts(uuid4, {}, {"nothing": None})

    assert facts.has_user("NOTHING")
    assert not facts.has_user("missing")
    assert facts.user("nothing") is None


def test_a_property_that_was_set_is_found_under_its_new_name() -> None:
    facts = Facts(uuid4, {}, {"a": 1})
    facts.set("New", 2, system=False)

    assert facts.user("new") == 2
