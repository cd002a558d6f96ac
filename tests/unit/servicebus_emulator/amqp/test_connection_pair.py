from __future__ import annotations

import pytest

from servicebus_emulator.amqp.events import ConnectionClosed, ConnectionOpened
from servicebus_emulator.amqp.performatives import RECEIVER, SENDER
from tests.unit.servicebus_emulator.amqp.connection_pair import ConnectionPair


def test_two_ends_open_each_other() -> None:
    pair = ConnectionPair()
    pair.exchange()
    assert isinstance(pair.client_events[0], ConnectionOpened)
    assert isinstance(pair.server_events[0], ConnectionOpened)


def test_the_pair_attaches_both_ends_of_a_link() -> None:
    pair = ConnectionPair()
    session = pair.begin()
    for role in (SENDER, RECEIVER):
        near, far = pair.attach(session, role)
        assert near.attached
        assert far.attached
        assert near.role is not far.role


@pytest.mark.parametrize(
    ("password", "kind"), [("right", ConnectionOpened), ("wrong", ConnectionClosed)]
)
def test_the_pair_judges_passwords(password: str, kind: type) -> None:
    pair = ConnectionPair(client={"mechanism": "PLAIN", "credentials": ("me", password)})
    pair.exchange()
    assert isinstance(pair.server_events[-1], kind)


def test_an_attach_that_never_comes_is_an_error() -> None:
    pair = ConnectionPair()
    session = pair.begin()
    pair.server.close()
    with pytest.raises(TypeError, match="instead of an attach"):
        pair.attach(session, SENDER)
