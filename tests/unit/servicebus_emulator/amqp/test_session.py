from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from servicebus_emulator.amqp.errors import AmqpError, StateError
from servicebus_emulator.amqp.events import (
    ConnectionClosed,
    DeliveryReceived,
    DispositionReceived,
    LinkAttached,
    SessionBegun,
    SessionEnded,
    SessionFlow,
)
from servicebus_emulator.amqp.performatives import (
    RECEIVER,
    SENDER,
    Attach,
    Begin,
    Detach,
    Disposition,
    End,
    Flow,
    Source,
    Target,
    Transfer,
)
from servicebus_emulator.amqp.session import HANDLE_MAX, INCOMING_WINDOW
from servicebus_emulator.amqp.states import LinkState, SessionState
from tests.unit.servicebus_emulator.amqp.connection_pair import ConnectionPair
from tests.unit.servicebus_emulator.amqp.session_peers import Peers, only

if TYPE_CHECKING:
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.amqp.schemas import Performative


def test_a_begin_is_answered() -> None:
    pair = ConnectionPair()
    pair.exchange()
    near = pair.client.begin({"a": 1})
    states = [near.state]
    pair.exchange()
    states.append(near.state)
    assert states == [SessionState.BEGIN_SENT, SessionState.MAPPED]
    assert only(pair.client_events, SessionBegun).session is near
    assert only(pair.server_events, SessionBegun).session.properties == {"a": 1}


def test_links_may_be_attached_before_the_answer() -> None:
    pair = ConnectionPair(client={"mechanism": None})
    session = pair.client.begin()
    session.attach("early", SENDER, source=Source(), target=Target())
    pair.exchange()
    assert only(pair.server_events, LinkAttached).link.name == "early"


def test_a_session_can_be_ended_before_the_answer() -> None:
    pair = ConnectionPair(client={"mechanism": None})
    session = pair.client.begin()
    session.end()
    pair.exchange()
    assert not [e for e in pair.client_events if isinstance(e, SessionBegun)]
    assert only(pair.client_events, SessionEnded).session is session
    assert pair.client.sessions == pair.server.sessions == {}


def test_an_end_is_answered_and_silences_the_links(peers: Peers) -> None:
    near, far = peers.pair.attach(peers.near, SENDER)
    peers.near.end(AmqpError("x:y"))
    peers.near.end()
    assert near.state is LinkState.DETACHED
    near.detach()
    peers.pair.exchange()
    assert far.state is LinkState.DETACHED
    assert only(peers.pair.server_events, SessionEnded).error.condition == "x:y"
    assert only(peers.pair.client_events, SessionEnded).error is None
    assert peers.near.state is peers.far.state is SessionState.UNMAPPED


def test_what_was_on_its_way_when_we_ended_is_ignored(peers: Peers) -> None:
    near, far = peers.pair.attach(peers.near, SENDER, accept={"credit_window": 9})
    near.send(b"late", delivery_tag=b"t")
    far.session.end()
    peers.pair.exchange()
    assert not [e for e in peers.pair.server_events if isinstance(e, DeliveryReceived)]
    assert only(peers.pair.server_events, SessionEnded).error is None


def test_a_session_takes_one_link_of_a_name_and_role(peers: Peers) -> None:
    peers.near.attach("a", SENDER, source=None, target=None)
    peers.near.attach("a", RECEIVER, source=None, target=None)
    with pytest.raises(StateError):
        peers.near.attach("a", SENDER, source=None, target=None)


def test_nothing_is_attached_to_an_ended_session(peers: Peers) -> None:
    peers.near.end()
    with pytest.raises(StateError):
        peers.near.attach("a", SENDER, source=None, target=None)


def test_a_handle_is_used_again_after_the_detach(peers: Peers) -> None:
    near, _ = peers.pair.attach(peers.near, SENDER)
    near.detach()
    peers.pair.exchange()
    again, _ = peers.pair.attach(peers.near, RECEIVER)
    assert again.handle == near.handle


FAULTS = {
    "flow for no link": (Flow(0, 1, 0, 1, handle=5), "amqp:session:unattached-handle"),
    "transfer for no link": (Transfer(5, 0, b""), "amqp:session:unattached-handle"),
    "detach for no link": (Detach(5), "amqp:session:unattached-handle"),
    "handle of another link": (Attach("b", 0, SENDER), "amqp:session:handle-in-use"),
    "disposition backwards": (Disposition(True, 5, 4), "amqp:invalid-field"),
}


@pytest.mark.parametrize(("frame", "condition"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_ends_the_session_and_not_the_connection(
    peers: Peers, frame: Performative, condition: str
) -> None:
    peers.pair.attach(peers.near, SENDER)
    peers.inject(frame)
    assert only(peers.pair.server_events, SessionEnded).error.condition == condition
    assert only(peers.pair.client_events, SessionEnded).error.condition == condition
    assert peers.near.state is peers.far.state is SessionState.UNMAPPED
    assert not peers.pair.server.finished


def test_frames_after_a_fault_are_ignored_until_the_end(peers: Peers) -> None:
    peers.inject(Transfer(5, 0, b""), Attach("late", 0, SENDER), End())
    assert not [e for e in peers.pair.server_events if isinstance(e, LinkAttached)]


def test_a_handle_above_handle_max_costs_the_connection(peers: Peers) -> None:
    peers.inject(Attach("a", HANDLE_MAX + 1, SENDER))
    closed = only(peers.pair.client_events, ConnectionClosed)
    assert closed.error.condition == "amqp:connection:framing-error"


def test_a_second_begin_on_a_channel_costs_the_connection(peers: Peers) -> None:
    peers.inject(Begin(None, 0, 1, 1))
    assert only(peers.pair.client_events, ConnectionClosed).error.condition == "amqp:not-allowed"


def test_more_transfers_than_the_window_end_the_session(peers: Peers) -> None:
    near, far = peers.pair.attach(peers.near, SENDER, accept={"credit_window": 9})
    peers.far._incoming_window = 0
    near.send(b"", delivery_tag=b"")
    peers.pair.exchange()
    error = only(peers.pair.server_events, SessionEnded).error
    assert error.condition == "amqp:session:window-violation"
    assert far.state is LinkState.DETACHED


def test_the_incoming_window_is_opened_again_at_half(peers: Peers) -> None:
    near, _ = peers.pair.attach(peers.near, SENDER, accept={"credit_window": 9})
    peers.far._incoming_window = INCOMING_WINDOW // 2
    near.send(b"", delivery_tag=b"")
    peers.pair.exchange()
    assert peers.far._incoming_window == INCOMING_WINDOW


def test_a_closed_window_holds_transfers_back_until_it_opens(peers: Peers) -> None:
    near, far = peers.pair.attach(peers.near, RECEIVER)
    near.grant(5)
    peers.pair.exchange()
    peers.inject(Flow(0, 1, 0, 1))
    assert peers.far.window_open
    far.send(b"1", delivery_tag=b"1")
    assert far.credit == 0
    far.send(b"2", delivery_tag=b"2")
    peers.pair.exchange()
    assert only(peers.pair.client_events, DeliveryReceived).payload == b"1"
    peers.inject(Flow(1, 9, 0, 1))
    received = [e.payload for e in peers.pair.client_events if isinstance(e, DeliveryReceived)]
    assert received == [b"1", b"2"]
    assert only(peers.pair.server_events, SessionFlow).session is peers.far
    assert far.credit == 3


def test_a_detached_link_takes_its_waiting_transfers_with_it(peers: Peers) -> None:
    _, far = peers.pair.attach(peers.near, RECEIVER)
    peers.inject(Flow(0, 0, 0, 1))
    far.send(b"1", delivery_tag=b"1", ignore_credit=True)
    far.detach()
    peers.inject(Flow(0, 9, 0, 1))
    assert not [e for e in peers.pair.client_events if isinstance(e, DeliveryReceived)]


def test_a_session_flow_with_echo_is_answered(peers: Peers) -> None:
    peers.near._incoming_window = 3
    peers.near.transfers.window = 3
    peers.inject(Flow(0, 9, 0, 9, echo=True))
    assert peers.near.transfers.window == INCOMING_WINDOW


def other_link(peers: Peers) -> Link:
    near = peers.near.attach("other", RECEIVER, source=Source(), target=Target())
    peers.pair.exchange()
    far = [e.link for e in peers.pair.server_events if isinstance(e, LinkAttached)][-1]
    far.accept()
    peers.pair.exchange()
    near.grant(9)
    peers.pair.exchange()
    return far


def test_a_disposition_is_told_to_each_link(peers: Peers) -> None:
    near, far = peers.pair.attach(peers.near, RECEIVER)
    near.grant(9)
    other = other_link(peers)
    far.send(b"", delivery_tag=b"1")
    other.send(b"", delivery_tag=b"2")
    peers.inject(Disposition(RECEIVER, 0, 0x7FFFFFFF, True))
    told = [e for e in peers.pair.server_events if isinstance(e, DispositionReceived)]
    assert told == [
        DispositionReceived(far, {0: b"1"}, None, True),
        DispositionReceived(other, {1: b"2"}, None, True),
    ]


def test_a_disposition_without_last_is_about_one_delivery(peers: Peers) -> None:
    other = other_link(peers)
    for tag in (b"1", b"2"):
        other.send(b"", delivery_tag=tag)
    peers.inject(Disposition(RECEIVER, 1))
    told = only(peers.pair.server_events, DispositionReceived)
    assert (told.deliveries, told.settled) == ({1: b"2"}, False)


def test_a_disposition_on_nothing_is_not_told(peers: Peers) -> None:
    peers.inject(Disposition(RECEIVER, 0, 9, True), Disposition(SENDER, 0, 9, True))
    assert not [e for e in peers.pair.server_events if isinstance(e, DispositionReceived)]


def test_delivery_ids_are_shared_by_the_links_of_a_session(peers: Peers) -> None:
    near, far = peers.pair.attach(peers.near, RECEIVER)
    near.grant(9)
    other = other_link(peers)
    assert [link.send(b"", delivery_tag=b"") for link in (far, other, far)] == [0, 1, 2]
