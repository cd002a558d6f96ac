from __future__ import annotations

from typing import Any

import pytest

from servicebus_emulator.amqp.errors import ProtocolError
from servicebus_emulator.amqp.states import (
    CONNECTION,
    LINK,
    SASL,
    SESSION,
    ConnectionState,
    Input,
    LinkState,
    SaslState,
    SessionState,
    advance,
)

TABLES: list[tuple[Any, Any, Any]] = [
    (CONNECTION, ConnectionState, ConnectionState.START),
    (SESSION, SessionState, SessionState.UNMAPPED),
    (LINK, LinkState, LinkState.DETACHED),
]


@pytest.mark.parametrize(("table", "states", "start"), TABLES)
def test_every_state_can_be_reached_from_the_start(table: Any, states: Any, start: Any) -> None:
    reached = {start}
    for _ in states:
        reached |= {after for (before, _), after in table.items() if before in reached}
    assert reached == set(states)


def test_both_ends_of_sasl_reach_a_verdict() -> None:
    finals = {SaslState.ACCEPTED, SaslState.REFUSED}
    assert set(SASL.values()) >= finals
    assert not [before for before, _ in SASL if before in finals]


def test_an_illegal_input_of_the_peer_is_not_allowed() -> None:
    with pytest.raises(ProtocolError, match="RECV_OPEN in state START") as caught:
        advance(CONNECTION, ConnectionState.START, Input.RECV_OPEN)
    assert caught.value.condition == "amqp:not-allowed"


def test_an_illegal_command_of_our_own_is_an_illegal_state() -> None:
    with pytest.raises(ProtocolError) as caught:
        advance(CONNECTION, ConnectionState.END, Input.SEND_OPEN)
    assert caught.value.condition == "amqp:illegal-state"
