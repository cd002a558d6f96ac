import pytest

from servicebus_emulator.amqp.connection import Connection
from servicebus_emulator.broker.access import Right
from servicebus_emulator.nodes.peer import Peer
from servicebus_emulator.nodes.sas import Claim


@pytest.fixture
def peer() -> Peer:
    return Peer(Connection("server", "c", now=0.0), 1000.0)


def test_a_peer_may_do_nothing_before_it_has_proved_something(peer: Peer) -> None:
    assert not peer.may(Right.LISTEN, "orders")


def test_a_newer_claim_for_the_same_path_replaces_the_old(peer: Peer) -> None:
    peer.grant(Claim("Orders", Right.LISTEN))
    peer.grant(Claim("orders", Right.SEND))

    assert (peer.may(Right.LISTEN, "orders"), peer.may(Right.SEND, "orders")) == (False, True)


def test_claims_add_up(peer: Peer) -> None:
    peer.grant(Claim("orders", Right.LISTEN))
    peer.grant(Claim("invoices", Right.LISTEN))

    assert peer.may(Right.LISTEN, "orders")
    assert peer.may(Right.LISTEN, "invoices")


def test_the_oldest_claims_make_room_when_there_are_absurdly_many(peer: Peer) -> None:
    for number in range(1001):
        peer.grant(Claim(f"queue-{number}", Right.LISTEN))

    assert not peer.may(Right.LISTEN, "queue-0")
    assert peer.may(Right.LISTEN, "queue-1000")


@pytest.mark.parametrize(
    ("reads", "unsent", "expected"),
    [(True, 0, True), (False, 0, False), (True, 1 << 20, False)],
)
def test_a_peer_takes_more_while_it_reads_and_little_waits(
    peer: Peer, *, reads: bool, unsent: int, expected: bool
) -> None:
    peer.set_reading(reads=reads)
    peer.unsent = unsent

    assert peer.can_take is expected


@pytest.mark.parametrize(
    ("reads", "unsent", "goes_on"),
    [(True, 1 << 20, True), (False, 1 << 20, False), (True, 1, False)],
)
def test_writing_out_lets_a_full_peer_go_on_if_it_still_reads(
    peer: Peer, *, reads: bool, unsent: int, goes_on: bool
) -> None:
    peer.set_reading(reads=reads)
    peer.unsent = unsent

    assert peer.written_out() is goes_on
    assert peer.unsent == 0
