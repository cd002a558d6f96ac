from __future__ import annotations

import pytest

from servicebus_emulator.amqp.errors import AmqpError, DecodeError
from servicebus_emulator.amqp.outcomes import (
    Accepted,
    DeliveryState,
    Modified,
    Received,
    Rejected,
    Released,
    from_described,
    to_described,
)
from servicebus_emulator.amqp.types import Described, Symbol, ULong


@pytest.mark.parametrize(
    "state",
    [
        None,
        Accepted(),
        Rejected(),
        Rejected(AmqpError("amqp:not-found", "gone", {"a": 1})),
        Released(),
        Modified(delivery_failed=True, undeliverable_here=True, message_annotations={"a": 1}),
        Received(1, 2),
        Described(ULong(0x99), [b"unknown"]),
        Described(Symbol("my:state"), []),
    ],
)
def test_a_delivery_state_comes_back_from_the_wire(state: DeliveryState | None) -> None:
    assert from_described(to_described(state)) == state


def test_an_outcome_with_impossible_fields_is_a_decode_error() -> None:
    with pytest.raises(DecodeError):
        from_described(Described(ULong(0x25), ["not an error"]))
