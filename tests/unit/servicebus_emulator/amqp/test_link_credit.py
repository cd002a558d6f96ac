from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servicebus_emulator.amqp.errors import StateError
from servicebus_emulator.amqp.events import (
    DeliveryReceived,
    LinkFlow,
)
from servicebus_emulator.amqp.performatives import (
    RECEIVER,
    SENDER,
    Flow,
)
from tests.unit.servicebus_emulator.amqp.session_peers import (
    Peers,
    assert_detached,
    begun,
    only,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def test_credit_is_granted_and_used_up(peers: Peers) -> None:
    near, far = peers.attach(SENDER)
    far.grant(2)
    peers.pair.exchange()
    assert near.credit == far.credit == 2
    near.send(b"1", delivery_tag=b"1")
    near.send(b"2", delivery_tag=b"2")
    with pytest.raises(StateError, match="no credit"):
        near.send(b"3", delivery_tag=b"3")
    peers.pair.exchange()
    assert near.credit == far.credit == 0


def test_a_credit_window_is_topped_up_at_half(peers: Peers) -> None:
    near, far = peers.attach(SENDER, accept={"credit_window": 4})
    near.send(b"", delivery_tag=b"")
    near.send(b"", delivery_tag=b"")
    peers.pair.exchange()
    assert far.credit == 2
    near.send(b"", delivery_tag=b"")
    peers.pair.exchange()
    assert near.credit == far.credit == 4


def test_credit_can_be_ignored_for_responses(peers: Peers) -> None:
    near, far = peers.attach(RECEIVER)
    near.grant(2)
    far.send(b"answer", delivery_tag=b"t", settled=True, ignore_credit=True)
    assert far.credit == 0
    peers.pair.exchange()
    assert only(peers.pair.client_events, DeliveryReceived).payload == b"answer"


def test_a_granted_receiver_announces_absolute_credit(peers: Peers) -> None:
    near, far = peers.attach(RECEIVER)
    near.grant(5)
    peers.pair.exchange()
    near.grant(3)
    peers.pair.exchange()
    assert far.credit == 3
    assert peers.pair.server_events[-1] == LinkFlow(far, 3, False, False)


def test_credit_that_came_before_the_answer_is_told_after_it(peers: Peers) -> None:
    _, far = begun(peers, RECEIVER)
    peers.inject(Flow(None, 9, 0, 9, handle=0, link_credit=7))
    assert not [e for e in peers.pair.server_events if isinstance(e, LinkFlow)]
    far.accept()
    peers.pair.exchange()
    assert only(peers.pair.server_events, LinkFlow).credit == far.credit == 7


def test_an_echo_is_answered_with_our_state(peers: Peers) -> None:
    near, far = peers.attach(SENDER)
    far.grant(5)
    peers.pair.exchange()
    peers.pair.client_events.clear()
    peers.inject(Flow(0, 9, 0, 9, handle=near.handle, delivery_count=0, echo=True))
    assert only(peers.pair.client_events, LinkFlow).credit == 5
    assert only(peers.pair.server_events, LinkFlow).echo


def test_a_drain_is_answered_when_nothing_is_left(peers: Peers) -> None:
    near, far = peers.attach(RECEIVER)
    near.grant(5)
    peers.pair.exchange()
    near.drain()
    peers.pair.exchange()
    assert peers.pair.server_events[-1] == LinkFlow(far, 5, True, False)
    far.send(b"last", delivery_tag=b"t")
    far.drained()
    peers.pair.exchange()
    assert peers.pair.client_events[-1] == LinkFlow(near, 0, True, False)
    assert near.credit == far.credit == 0


def test_nobody_is_told_of_a_drain_that_was_not_asked_for(peers: Peers) -> None:
    near, far = peers.attach(RECEIVER)
    near.grant(5)
    peers.pair.exchange()
    far.drained()
    peers.pair.exchange()
    assert near.credit == far.credit == 5


def test_an_echo_that_drains_waits_for_drained(peers: Peers) -> None:
    near, far = peers.attach(RECEIVER)
    peers.pair.client_events.clear()
    peers.inject(
        Flow(0, 9, 0, 9, near.handle, delivery_count=0, link_credit=1, drain=True, echo=True)
    )
    assert not [e for e in peers.pair.client_events if isinstance(e, LinkFlow)]
    far.drained()
    peers.pair.exchange()
    assert only(peers.pair.client_events, LinkFlow).drain


def test_a_receiver_without_link_credit_in_its_flow_is_detached(peers: Peers) -> None:
    near, _ = peers.attach(RECEIVER)
    peers.inject(Flow(0, 9, 0, 9, handle=near.handle))
    assert_detached(peers, "amqp:invalid-field")


def test_commands_need_an_attached_link_of_their_role(peers: Peers) -> None:
    sender, receiver = peers.attach(SENDER)
    wrong: list[Callable[[], object]] = [
        sender.drain,
        lambda: sender.grant(1),
        lambda: sender.replenish(1),
        receiver.drained,
        lambda: receiver.send(b"", delivery_tag=b""),
    ]
    for command in wrong:
        with pytest.raises(StateError):
            command()
    sender.detach()
    with pytest.raises(StateError):
        sender.send(b"", delivery_tag=b"", ignore_credit=True)


def test_a_delivery_tag_has_a_limit(peers: Peers) -> None:
    near, _ = peers.attach(SENDER, accept={"credit_window": 1})
    with pytest.raises(ValueError, match="32 bytes"):
        near.send(b"", delivery_tag=bytes(33))
