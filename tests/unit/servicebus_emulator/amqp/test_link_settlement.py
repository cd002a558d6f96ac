from __future__ import annotations

from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.events import (
    DispositionReceived,
    LinkAttached,
)
from servicebus_emulator.amqp.outcomes import (
    Accepted,
    Modified,
    Rejected,
)
from servicebus_emulator.amqp.performatives import (
    RECEIVER,
    SENDER,
    Source,
    Target,
)
from tests.unit.servicebus_emulator.amqp.session_peers import (
    Peers,
    only,
)


def test_neighbours_that_are_accepted_leave_as_one_frame(peers: Peers) -> None:
    near, far = peers.attach(SENDER, accept={"credit_window": 10})
    tags = {near.send(b"", delivery_tag=bytes((n,))): bytes((n,)) for n in range(3)}
    peers.pair.exchange()
    far.settle(0, 2, outcome=Accepted())
    peers.pair.exchange()
    event = only(peers.pair.client_events, DispositionReceived)
    assert event == DispositionReceived(near, tags, Accepted(), True)


def test_a_decision_is_confirmed_by_the_sender(peers: Peers) -> None:
    near, far = peers.attach(RECEIVER)
    near.grant(1)
    peers.pair.exchange()
    number = far.send(b"", delivery_tag=b"t")
    peers.pair.exchange()
    near.settle(number, outcome=Modified(delivery_failed=True), settled=False)
    peers.pair.exchange()
    asked = only(peers.pair.server_events, DispositionReceived)
    assert asked == DispositionReceived(far, {number: b"t"}, Modified(True), False)
    far.settle(number, outcome=Modified())
    peers.pair.exchange()
    confirmed = only(peers.pair.client_events, DispositionReceived)
    assert confirmed == DispositionReceived(near, {number: b"t"}, Modified(), True)


def test_a_settled_delivery_is_forgotten_at_both_ends(peers: Peers) -> None:
    near, far = peers.attach(SENDER, accept={"credit_window": 10})
    near.send(b"", delivery_tag=b"t")
    peers.pair.exchange()
    for _ in range(2):
        far.settle(0, outcome=Rejected(AmqpError("x:y")))
        peers.pair.exchange()
        near.settle(0, outcome=Accepted())
    assert only(peers.pair.client_events, DispositionReceived).outcome.error.condition == "x:y"


def test_a_link_settles_only_its_own_deliveries(peers: Peers) -> None:
    near, far = peers.attach(SENDER, accept={"credit_window": 10})
    other = peers.near.attach("other", SENDER, source=Source(), target=Target())
    peers.pair.exchange()
    far_other = [e.link for e in peers.pair.server_events if isinstance(e, LinkAttached)][-1]
    far_other.accept(credit_window=10)
    peers.pair.exchange()
    near.send(b"", delivery_tag=b"1")
    other.send(b"", delivery_tag=b"2")
    peers.pair.exchange()
    far.settle(0, 1, outcome=Accepted())
    peers.pair.exchange()
    assert only(peers.pair.client_events, DispositionReceived).deliveries == {0: b"1"}


def test_a_detached_link_settles_nothing(peers: Peers) -> None:
    near, far = peers.attach(SENDER, accept={"credit_window": 10})
    near.send(b"", delivery_tag=b"1")
    peers.pair.exchange()
    far.detach()
    far.settle(0, outcome=Accepted())
    peers.pair.exchange()
    assert not [e for e in peers.pair.client_events if isinstance(e, DispositionReceived)]
