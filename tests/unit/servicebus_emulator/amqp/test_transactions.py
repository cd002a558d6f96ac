import pytest

from servicebus_emulator.amqp.errors import DecodeError
from servicebus_emulator.amqp.outcomes import (
    Accepted,
    Declared,
    DeliveryState,
    Modified,
    Rejected,
    TransactionalState,
    from_described,
    to_described,
)
from servicebus_emulator.amqp.performatives import Target
from servicebus_emulator.amqp.transactions import (
    Declare,
    Discharge,
    is_coordinator,
    read_request,
    write_request,
)
from servicebus_emulator.amqp.types import Described, Symbol, ULong


@pytest.mark.parametrize(
    "request_",
    [Declare(), Declare(Described(ULong(1), [])), Discharge(b"1"), Discharge(b"1", fail=True)],
)
def test_a_request_is_read_as_it_was_written(request_: Declare | Discharge) -> None:
    assert read_request(write_request(request_)) == request_


@pytest.mark.parametrize(
    "state",
    [
        Declared(b"1"),
        TransactionalState(b"1"),
        TransactionalState(b"1", Accepted()),
        TransactionalState(b"1", Modified(True, False, {Symbol("a"): "b"})),
        TransactionalState(b"1", Rejected()),
    ],
)
def test_a_state_is_read_as_it_was_written(state: DeliveryState) -> None:
    assert from_described(to_described(state)) == state


@pytest.mark.parametrize(
    "value",
    [None, "declare", Described(ULong(0x33), [b"1"]), Described(Symbol("x"), [])],
)
def test_something_else_is_no_request(value: object) -> None:
    with pytest.raises(DecodeError, match="declare and discharge only"):
        read_request(value)


@pytest.mark.parametrize(
    "outcome", ["accepted", Described(ULong(0x23), [1, 2]), Described(ULong(0x99), [])]
)
def test_what_is_no_outcome_makes_no_transactional_state(outcome: object) -> None:
    with pytest.raises(DecodeError, match="outcome"):
        from_described(Described(ULong(0x34), [b"1", outcome]))


def test_a_discharge_names_its_transaction() -> None:
    with pytest.raises(DecodeError, match="txn_id is mandatory"):
        read_request(Described(ULong(0x32), [None, True]))


def test_only_a_coordinator_is_one() -> None:
    assert is_coordinator(Described(ULong(0x30), [None]))
    assert not is_coordinator(Described(ULong(0x31), []))
    assert not is_coordinator(Target("orders"))
    assert not is_coordinator(None)
