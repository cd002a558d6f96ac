from __future__ import annotations

import pytest

from servicebus_emulator.amqp.errors import (
    DecodeError,
    FramingError,
    LinkError,
    ProtocolError,
    SessionError,
)


@pytest.mark.parametrize(
    ("fault", "condition"),
    [
        (DecodeError("why"), "amqp:decode-error"),
        (FramingError("why"), "amqp:connection:framing-error"),
        (SessionError("amqp:session:errant-link", "why"), "amqp:session:errant-link"),
        (LinkError("amqp:link:stolen", "why"), "amqp:link:stolen"),
    ],
)
def test_every_fault_of_a_peer_knows_its_condition(fault: ProtocolError, condition: str) -> None:
    assert (fault.condition, fault.description) == (condition, "why")
    assert str(fault) == f"{condition}: why"
