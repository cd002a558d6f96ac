from __future__ import annotations

import pytest

from servicebus_emulator.amqp.events import (
    DeliveryReceived,
    DispositionReceived,
)
from servicebus_emulator.amqp.outcomes import (
    Accepted,
    TransactionalState,
    to_described,
)
from servicebus_emulator.amqp.performatives import (
    RECEIVER,
    SENDER,
    Flow,
    Transfer,
)
from servicebus_emulator.amqp.states import LinkState
from tests.unit.servicebus_emulator.amqp.session_peers import (
    Peers,
    assert_detached,
    deliveries,
    only,
)


@pytest.mark.parametrize("size", [0, 1, 400, 512, 5000])
def test_a_delivery_arrives_whole(size: int) -> None:
    peers = Peers(server={"max_frame_size": 512})
    near, far = peers.attach(SENDER, accept={"credit_window": 10})
    payload = bytes(number & 0xFF for number in range(size))
    number = near.send(payload, delivery_tag=b"tag", message_format=0x80013700)
    peers.pair.exchange()
    event = only(peers.pair.server_events, DeliveryReceived)
    assert event == DeliveryReceived(far, number, b"tag", 0x80013700, False, payload, size)


def test_a_settled_delivery_needs_no_disposition(peers: Peers) -> None:
    near, far = peers.attach(SENDER, accept={"credit_window": 10})
    number = near.send(b"x", delivery_tag=b"tag", settled=True)
    peers.pair.exchange()
    assert only(peers.pair.server_events, DeliveryReceived).settled
    far.settle(number, outcome=Accepted())
    peers.pair.exchange()
    assert not [e for e in peers.pair.client_events if isinstance(e, DispositionReceived)]


@pytest.mark.parametrize("frame_size", [512, 65536])
def test_what_is_larger_than_the_limit_is_dropped_and_told(frame_size: int) -> None:
    peers = Peers(server={"max_frame_size": frame_size})
    near, _ = peers.attach(SENDER, accept={"credit_window": 10, "max_message_size": 1000})
    for size in (1000, 1001, 3000, 10):
        near.send(bytes(size), delivery_tag=b"tag")
    peers.pair.exchange()
    seen = [(e.size, e.oversized, len(e.payload)) for e in deliveries(peers.pair.server_events)]
    assert seen == [(1000, False, 1000), (1001, True, 0), (3000, True, 0), (10, False, 10)]


def test_an_aborted_delivery_is_forgotten(peers: Peers) -> None:
    near, far = peers.attach(SENDER, accept={"credit_window": 10})
    peers.inject(Transfer(near.handle, 0, b"a", more=True), payload=b"wrong")
    peers.inject(Transfer(near.handle, aborted=True))
    peers.inject(Transfer(near.handle, 1, b"b"), payload=b"right")
    assert only(peers.pair.server_events, DeliveryReceived).payload == b"right"
    assert far.credit == 8


def test_continuations_may_repeat_the_delivery_id(peers: Peers) -> None:
    near, _ = peers.attach(SENDER, accept={"credit_window": 10})
    peers.inject(Transfer(near.handle, 0, b"a", more=True), payload=b"1")
    peers.inject(Transfer(near.handle, 0, more=True), payload=b"2")
    peers.inject(Transfer(near.handle, settled=True), payload=b"3")
    event = only(peers.pair.server_events, DeliveryReceived)
    assert (event.payload, event.settled) == (b"123", True)


def test_the_state_in_a_transfer_is_reported(peers: Peers) -> None:
    near, _ = peers.attach(SENDER, accept={"credit_window": 10})
    state = TransactionalState(b"txn")
    peers.inject(Transfer(near.handle, 0, b"a", state=to_described(state)), payload=b"1")
    assert only(peers.pair.server_events, DeliveryReceived).state == state


FAULTS = {
    "another delivery within a delivery": (
        [Transfer(0, 0, b"a", more=True), Transfer(0, 1, b"a")],
        "amqp:invalid-field",
    ),
    "no delivery-id": ([Transfer(0, None, b"a")], "amqp:invalid-field"),
    "no delivery-tag": ([Transfer(0, 0)], "amqp:invalid-field"),
    "no credit": (
        [Transfer(0, 0, b"a"), Transfer(0, 1, b"b")],
        "amqp:link:transfer-limit-exceeded",
    ),
}


@pytest.mark.parametrize(("frames", "condition"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_in_a_transfer_detaches_the_link(
    peers: Peers, frames: list[Transfer], condition: str
) -> None:
    _, far = peers.attach(SENDER)
    far.grant(1)
    for frame in frames:
        peers.inject(frame)
    assert_detached(peers, condition)
    assert far.local_error is not None


def test_a_transfer_to_a_sender_detaches_the_link(peers: Peers) -> None:
    near, _ = peers.attach(RECEIVER)
    peers.inject(Transfer(near.handle, 0, b"a"))
    assert_detached(peers, "amqp:not-allowed")


def test_what_was_on_its_way_when_we_detached_is_ignored(peers: Peers) -> None:
    near, far = peers.attach(SENDER, accept={"credit_window": 10})
    near.send(b"late", delivery_tag=b"t")
    near.session.write(Flow(0, 9, 0, 9, near.handle, 0))
    far.detach()
    peers.pair.exchange()
    assert deliveries(peers.pair.server_events) == []
    assert near.state is far.state is LinkState.DETACHED
