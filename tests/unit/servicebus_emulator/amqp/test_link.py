from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from servicebus_emulator.amqp.errors import AmqpError, StateError
from servicebus_emulator.amqp.events import (
    DeliveryReceived,
    DispositionReceived,
    Event,
    LinkAttached,
    LinkDetached,
    LinkFlow,
)
from servicebus_emulator.amqp.outcomes import (
    Accepted,
    Modified,
    Rejected,
    TransactionalState,
    to_described,
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
from servicebus_emulator.amqp.schemas import Performative, encode_body
from servicebus_emulator.amqp.states import LinkState
from servicebus_emulator.amqp.types import Described, ULong
from tests.unit.servicebus_emulator.amqp.connection_pair import ConnectionPair

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.amqp.link import Link


def only(events: list[Event], kind: type) -> Any:
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, found
    return found[0]


def deliveries(events: list[Event]) -> list[DeliveryReceived]:
    return [event for event in events if isinstance(event, DeliveryReceived)]


class Peers:
    """A session between two ends, and raw frames from the client past its own rules."""

    def __init__(self, **connections: Any) -> None:
        self.pair = ConnectionPair(**connections)
        self.session = self.pair.begin()

    def attach(self, role: bool, **options: Any) -> tuple[Link, Link]:
        return self.pair.attach(self.session, role, **options)

    def inject(self, frame: Performative, payload: bytes = b"") -> None:
        self.session.outlet.write(self.session.channel, encode_body(frame), payload)
        self.pair.exchange()


@pytest.fixture
def peers() -> Peers:
    return Peers()


def assert_detached(peers: Peers, condition: str) -> None:
    at_server = only(peers.pair.server_events, LinkDetached)
    at_client = only(peers.pair.client_events, LinkDetached)
    assert at_server.error.condition == at_client.error.condition == condition


# --- attach -------------------------------------------------------------------------------------


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


def begun(peers: Peers, role: bool) -> tuple[Link, Link]:
    near = peers.session.attach("link", role, source=Source("s"), target=Target("t"))
    peers.pair.exchange()
    return near, only(peers.pair.server_events, LinkAttached).link


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
    assert peers.session.links == {}


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
    peers.inject(Transfer(7, 0, b"t"), b"payload")
    assert only(peers.pair.server_events, DeliveryReceived).payload == b"payload"


# --- credit -------------------------------------------------------------------------------------


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


# --- transfers ----------------------------------------------------------------------------------


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
    peers.inject(Transfer(near.handle, 0, b"a", more=True), b"wrong")
    peers.inject(Transfer(near.handle, aborted=True))
    peers.inject(Transfer(near.handle, 1, b"b"), b"right")
    assert only(peers.pair.server_events, DeliveryReceived).payload == b"right"
    assert far.credit == 8


def test_continuations_may_repeat_the_delivery_id(peers: Peers) -> None:
    near, _ = peers.attach(SENDER, accept={"credit_window": 10})
    peers.inject(Transfer(near.handle, 0, b"a", more=True), b"1")
    peers.inject(Transfer(near.handle, 0, more=True), b"2")
    peers.inject(Transfer(near.handle, settled=True), b"3")
    event = only(peers.pair.server_events, DeliveryReceived)
    assert (event.payload, event.settled) == (b"123", True)


def test_the_state_in_a_transfer_is_reported(peers: Peers) -> None:
    near, _ = peers.attach(SENDER, accept={"credit_window": 10})
    state = TransactionalState(b"txn")
    peers.inject(Transfer(near.handle, 0, b"a", state=to_described(state)), b"1")
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


# --- settlement ---------------------------------------------------------------------------------


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
    other = peers.session.attach("other", SENDER, source=Source(), target=Target())
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


# --- detach -------------------------------------------------------------------------------------


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
