import random
from collections.abc import Callable
from typing import Any

import pytest

from servicebus_emulator.control.faults import ACTIONS, Act, Fault, Faults


def new_chance(seed: int | None) -> Callable[[], float]:
    return random.Random(seed).random


@pytest.fixture
def faults() -> Faults:
    return Faults(new_chance)


def hits(faults: Faults, count: int, operation: str = "send", **act: str) -> str:
    """Which of so many operations a fault happens to: `x` for those, `.` for the others."""
    found = [faults.strike(Act(operation, **({"connection": "c"} | act))) for _ in range(count)]
    return "".join("x" if injected else "." for injected in found)


def test_without_faults_nothing_goes_wrong(faults: Faults) -> None:
    assert (hits(faults, 2), faults.any_armed) == ("..", False)


def test_a_fault_happens_until_it_is_mended(faults: Faults) -> None:
    injected = faults.add(Fault("send", "refuse"))
    before = hits(faults, 3)

    assert faults.remove(injected.id)
    assert not faults.remove(injected.id)
    assert (before, hits(faults, 3)) == ("xxx", "...")


def test_a_fault_happens_so_many_times_after_so_many_operations(faults: Faults) -> None:
    injected = faults.add(Fault("send", "refuse", after=2, times=3))

    assert hits(faults, 8) == "..xxx..."
    assert (injected.seen, injected.hits, injected.spent) == (5, 3, True)
    assert not faults.armed("send")
    assert faults.all() == [injected]


def test_the_same_seed_gives_the_same_faults(faults: Faults) -> None:
    first = faults.add(Fault("send", "refuse", probability=0.3, seed=7))
    drawn = hits(faults, 100)
    faults.remove(first.id)
    faults.add(Fault("send", "refuse", probability=0.3, seed=7))

    assert hits(faults, 100) == drawn
    assert 15 < drawn.count("x") < 45


def test_the_first_fault_that_matches_happens(faults: Faults) -> None:
    first = faults.add(Fault("send", "refuse", times=1))
    second = faults.add(Fault("send", "ignore"))

    assert [faults.strike(Act("send", "c")) for _ in range(2)] == [first, second]


@pytest.mark.parametrize(
    ("field", "pattern", "hit", "missed"),
    [
        ("entity", "Orders", "orders", "orders2"),
        ("entity", "orders/*", "orders/$DeadLetterQueue", "orders"),
        ("link", "receiver-?", "receiver-1", "receiver-11"),
        ("connection", "worker*", "worker-7", "api"),
        ("name", "com.microsoft:renew-*", "com.microsoft:renew-lock", "com.microsoft:peek"),
    ],
)
def test_a_pattern_chooses_whom_it_happens_to(
    faults: Faults, field: str, pattern: str, hit: str, missed: str
) -> None:
    fields: dict[str, Any] = {field: pattern}
    faults.add(Fault("send", "refuse", **fields))

    assert hits(faults, 1, **{field: hit}) == "x"
    assert hits(faults, 1, **{field: missed}) == "."


def test_a_fault_for_now_waits_for_nothing(faults: Faults) -> None:
    faults.add(Fault("now", "drop"))

    assert not faults.any_armed


def test_all_faults_can_be_mended_at_once(faults: Faults) -> None:
    injected = faults.add(Fault("send", "refuse"))
    faults.clear()

    assert (len(faults), faults.get(injected.id), hits(faults, 1)) == (0, None, ".")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"operation": "fly"}, "operation is one of"),
        ({"operation": ["send"]}, "operation is one of"),
        ({"action": "corrupt"}, "to 'send' can happen"),
        ({"entity": 1}, "entity is a text"),
        ({"action": ["refuse"]}, "to 'send' can happen"),
        ({"condition": 1}, "condition is a text"),
        ({"condition": "amqp:n\u00f6"}, "condition is a symbol of AMQP"),
        ({"description": "\ud800"}, "description is a text"),
        ({"after": -1}, "after is a number"),
        ({"times": 1.5}, "times is a number"),
        ({"times": True}, "times is a number"),
        ({"seed": "x"}, "seed is a number"),
        ({"probability": 2}, "probability is a number"),
        ({"delay": 1}, "delay is needed"),
        ({"action": "delay"}, "delay is needed"),
        ({"action": "delay", "delay": -1}, "a delay has"),
        ({"stage": "later"}, "stage is"),
        ({"stage": "after"}, "the stage 'after' is for"),
        ({"operation": "deliver", "action": "drop", "stage": "after"}, "the stage 'after' is for"),
        ({"mood": "bad"}, "'mood' is no field"),
    ],
)
def test_what_is_no_fault_is_told_in_words(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Fault.from_document({"operation": "send", "action": "refuse"} | wrong)


@pytest.mark.parametrize(
    ("document", "said"), [([], "is an object"), ({"operation": "send"}, "action is missing")]
)
def test_half_a_fault_is_none(document: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Fault.from_document(document)


@pytest.mark.parametrize(
    ("operation", "action"),
    [(name, action) for name in ACTIONS for action in sorted(ACTIONS[name])],
)
def test_a_fault_is_written_as_it_is_read(operation: str, action: str) -> None:
    delay = {"median": 1.0, "p99": 2.0} if action == "delay" else None
    fault = Fault(operation, action, delay=delay, probability=0.5, times=3)

    assert Fault.from_document(fault.document()) == fault


def test_a_fault_at_work_tells_what_it_did(faults: Faults) -> None:
    injected = faults.add(Fault("send", "refuse", times=2))
    hits(faults, 1)
    document = injected.document()

    assert {name: document[name] for name in ("id", "seen", "hits", "times")} == {
        "id": 1,
        "seen": 1,
        "hits": 1,
        "times": 2,
    }
