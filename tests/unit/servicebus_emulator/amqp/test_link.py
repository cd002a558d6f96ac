from __future__ import annotations

import pytest

from servicebus_emulator.amqp.errors import AmqpError, StateError
from servicebus_emulator.amqp.events import (
    DeliveryReceived,
    LinkAttached,
    LinkDetached,
)
from servicebus_emulator.amqp.performatives import (
    RECEIVER,
    SENDER,
    Attach,
    Detach,
    Flow,
    Source,
    Target,
    Transfer,
)
from servicebus_emulator.amqp.states import LinkState
from servicebus_emulator.amqp.types import Described, ULong
from tests.unit.servicebus_emulator.amqp.session_peers import (
    Peers,
    begun,
    only,
)

# --- attach ---------------------------------------------------------------------------------------


def test_an_accepted_attach_is_echoed(peers: Peers) -> None:
    near, far = peers.attach(
        RECEIVER, snd_settle_mode=1, rcv_settle_mode=1, source=Source("amqps://host:1/q")
    )
    answer = near.remote
    assert answer is not None
    assert (answer.role, answer.snd_settle_mode, answer.rcv_settle_mode) == (SENDER, 1, 1)
    assert answer.source == Source("amqps://host:1/q")
    assert (answer.initial_delivery_count, answer.properties) == (0, {})
    assert near.attached
    assert far.attached


def test_null_termini_are_answered_with_empty_ones(peers: Peers) -> None:
    near, _ = peers.attach(SENDER, source=None, target=None)
    assert near.remote is not None
    assert (near.remote.source, near.remote.target) == (Source(), Target())


def test_the_node_may_answer_with_its_own_termini_and_properties(peers: Peers) -> None:
    near, _ = peers.attach(
        SENDER,
        accept={
            "source": Source("s"),
            "target": Target("t"),
            "max_message_size": 5,
            "properties": {"a": 1},
        },
    )
    answer = near.remote
    assert answer is not None
    assert (answer.source, answer.target) == (Source("s"), Target("t"))
    assert (answer.max_message_size, answer.properties) == (5, {"a": 1})


def test_a_coordinator_is_a_target_too(peers: Peers) -> None:
    coordinator = Described(ULong(0x30), [None])
    near, _ = peers.attach(SENDER, target=coordinator)
    assert near.remote is not None
    assert near.remote.target == coordinator


def test_a_refused_attach_gets_null_termini_and_a_closing_detach(peers: Peers) -> None:
    near, far = begun(peers, SENDER)
    far.refuse(AmqpError("amqp:not-found", "no such queue"))
    peers.pair.exchange()
    answer = only(peers.pair.client_events, LinkAttached).attach
    assert (answer.source, answer.target) == (None, None)
    detached = only(peers.pair.client_events, LinkDetached)
    assert (detached.closed, detached.error.condition) == (True, "amqp:not-found")
    assert near.state is far.state is LinkState.DETACHED


def test_an_attach_is_answered_once(peers: Peers) -> None:
    _, far = begun(peers, SENDER)
    far.accept()
    with pytest.raises(StateError):
        far.accept()
    with pytest.raises(StateError):
        far.refuse(AmqpError("amqp:not-found"))


def test_a_detach_before_the_answer_is_answered_with_attach_and_detach(peers: Peers) -> None:
    near, far = begun(peers, RECEIVER)
    near.detach()
    peers.pair.exchange()
    assert only(peers.pair.server_events, LinkDetached).link is far
    assert only(peers.pair.client_events, LinkDetached).link is near
    assert not [e for e in peers.pair.client_events if isinstance(e, LinkAttached)]
    assert near.state is far.state is LinkState.DETACHED
    assert peers.near.links == {}


def test_an_unanswered_link_that_is_detached_is_refused(peers: Peers) -> None:
    _, far = begun(peers, RECEIVER)
    far.detach(AmqpError("amqp:link:stolen"))
    peers.pair.exchange()
    assert only(peers.pair.client_events, LinkAttached).attach.source is None


def test_a_transfer_before_the_answer_costs_the_connection(peers: Peers) -> None:
    begun(peers, SENDER)
    peers.inject(Transfer(0, 0, b"t"))
    assert peers.pair.server.finished


def test_a_sender_may_leave_out_its_initial_delivery_count(peers: Peers) -> None:
    peers.inject(Attach("raw", 7, SENDER, source=Source(), target=Target()))
    far = only(peers.pair.server_events, LinkAttached).link
    far.accept(credit_window=1)
    peers.inject(Transfer(7, 0, b"t"), payload=b"payload")
    assert only(peers.pair.server_events, DeliveryReceived).payload == b"payload"


# --- detach ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("closed", [True, False])
def test_a_detach_is_answered_and_told_once(peers: Peers, closed: bool) -> None:
    near, far = peers.attach(SENDER)
    near.detach(AmqpError("x:y", "why"), closed=closed)
    near.detach()
    peers.pair.exchange()
    detached = only(peers.pair.server_events, LinkDetached)
    assert (detached.link, detached.closed) == (far, closed)
    assert detached.error == AmqpError("x:y", "why")
    assert only(peers.pair.client_events, LinkDetached).error is None
    assert near.state is far.state is LinkState.DETACHED


def test_detaches_may_cross(peers: Peers) -> None:
    near, far = peers.attach(SENDER)
    near.detach()
    far.detach()
    peers.pair.exchange()
    assert only(peers.pair.server_events, LinkDetached).link is far
    assert only(peers.pair.client_events, LinkDetached).link is near


def test_a_detached_link_can_be_attached_again(peers: Peers) -> None:
    near, _ = peers.attach(SENDER)
    near.detach(closed=False)
    peers.pair.exchange()
    again, far = peers.attach(SENDER, accept={"credit_window": 1})
    again.send(b"x", delivery_tag=b"t")
    peers.pair.exchange()
    assert only(peers.pair.server_events, DeliveryReceived).link is far


def test_a_link_that_is_attached_twice_is_stolen(peers: Peers) -> None:
    near, far = peers.attach(SENDER)
    peers.inject(Attach("sender", 9, SENDER, source=Source(), target=Target()))
    assert far.local_error is not None
    assert far.local_error.condition == "amqp:link:stolen"
    assert not near.attached
    thief = peers.pair.server_events[-2]
    assert isinstance(thief, LinkAttached)
    assert thief.link is not far


def test_a_detach_frame_names_the_handle_of_its_sender(peers: Peers) -> None:
    near, far = peers.attach(SENDER)
    peers.inject(Detach(near.handle, closed=True))
    assert far.state is LinkState.DETACHED


def test_a_senders_flow_may_leave_out_what_it_has_sent(peers: Peers) -> None:
    near, far = peers.attach(SENDER, accept={"credit_window": 10})
    peers.inject(Flow(0, 100, 0, 100, near.handle, delivery_count=None, link_credit=None))

    assert (far.attached, far.credit) == (True, 10)
