from __future__ import annotations

import pytest

from celery_azure.amqp import frames
from celery_azure.amqp import performatives as codes
from celery_azure.amqp.codec import Described, Symbol, UInt, ULong, encode_list
from celery_azure.amqp.connection import Connection, State
from tests.unit.celery_azure.amqp import wire
from tests.unit.celery_azure.amqp.wire import NOW, Recorder
from tests.unit.celery_azure.amqp.world import World


def test_garbage_ends_the_connection_and_nothing_else() -> None:
    connection = Connection("host", "id", 0.0)
    connection.receive(b"HTTP/1.1 400 Bad Request\r\n", 1.0)
    assert connection.state is State.CLOSED
    assert connection.error is not None
    assert connection.error.condition == "amqp:decode-error"


@pytest.mark.parametrize("header", [frames.AMQP_HEADER, b"AMQP\x02\x01\x00\x00"])
def test_another_protocol_than_sasl_is_not_spoken(header: bytes) -> None:
    connection = Connection("host", "id", 0.0)
    connection.receive(header, 1.0)
    assert connection.state is State.CLOSED


def test_a_peer_that_does_not_answer_is_given_up() -> None:
    connection = Connection("host", "id", 0.0)
    assert connection.deadline() == 4.0
    connection.expire(20.0)
    assert connection.state is State.CLOSED


def test_a_forced_close_reaches_every_link_with_its_reason() -> None:
    world = World()
    link = Recorder("jobs")
    world.engine.add(link, world.now)
    world.turn()
    connection = world.engine.connection
    assert connection is not None
    error = b"\x00\x53\x1d\xc0\x1b\x02\xa3\x16amqp:connection:forced\xa1\x00"
    body = b"\x00\x53\x18" + encode_list([error])
    connection.receive((len(body) + 8).to_bytes(4, "big") + b"\x02\0\0\0" + body, world.now)
    assert link.told == ["attached", "amqp:connection:forced"]
    assert connection.take_output().endswith(frames.close())


def test_the_number_of_a_closed_link_waits_for_the_answer() -> None:
    world = World()
    first, second = Recorder("jobs"), Recorder("jobs")
    world.engine.add(first, world.now)
    world.turn()
    handle = first.handle
    world.engine.remove(first)
    world.engine.add(second, world.now)
    assert second.handle != handle
    world.turn()
    world.engine.add(first, world.now)
    assert first.handle == handle


def test_a_window_that_is_used_up_holds_transfers_back() -> None:
    world = World()
    sender = world.sender()
    connection = world.engine.connection
    assert connection is not None
    connection._window.open(1)
    fates = world.submit(sender, "x" * 100_000)
    assert len(connection._window._waiting) == 3
    opened = frames.flow((connection._window.next_id, 100, 0, 100), None)
    connection.receive(opened, world.now)
    world.turn()
    assert fates.accepted


def test_what_waits_for_the_window_goes_with_its_link() -> None:
    connection = wire.opened(window=1)
    closed, open_ = Recorder(), Recorder()
    wire.attach(connection, closed, 1)
    wire.attach(connection, open_, 2)
    connection._window.open(1)
    connection.send(closed, b"first")
    connection.send(closed, b"second")
    connection.send(open_, b"third")
    connection.detach(closed)
    assert [frame.code for frame in wire.said(connection)] == [codes.TRANSFER, codes.DETACH]
    connection.receive(wire.flow(seen=1, window=10), NOW)
    assert [frame.payload for frame in wire.said(connection)] == [b"third"]


# -- a peer that breaks the rules ------------------------------------------------------------------


def assert_refused(connection: Connection, complaint: str) -> None:
    """The peer is told why, and so is everybody here."""
    assert connection.state is State.CLOSED
    assert connection.error is not None
    assert connection.error.condition == "amqp:decode-error"
    assert complaint in connection.error.description
    [*_, close] = wire.said(connection)
    assert close.code == codes.CLOSE
    assert close.fields[0].value == ["amqp:decode-error", connection.error.description]


ERROR = Described(ULong(0x1D), ["amqp:not-found"])
BAD_FRAMES = {
    "a name that is a number": (wire.frame(codes.ATTACH, 5, UInt(0), True), "attach"),
    "an attach without a handle": (wire.frame(codes.ATTACH, "name"), "without handle"),
    "a negative handle": (wire.frame(codes.DETACH, -1), "wrong handle"),
    "a handle that is a list": (wire.frame(codes.TRANSFER, [1]), "wrong handle"),
    "a flow without anything": (wire.frame(codes.FLOW), "without incoming-window"),
    "a credit that is text": (
        wire.frame(codes.FLOW, None, UInt(1), None, None, UInt(7), None, "many"),
        "wrong link-credit",
    ),
    "a disposition without numbers": (wire.frame(codes.DISPOSITION, True), "without first"),
    "a state that is a number": (
        wire.frame(codes.DISPOSITION, True, UInt(0), None, True, 5),
        "wrong state",
    ),
    "a state that is none": (
        wire.frame(codes.DISPOSITION, True, UInt(0), None, True, ERROR),
        "unknown descriptor: 0x1d",
    ),
    "a rejection that is a map": (
        wire.frame(
            *(codes.DISPOSITION, True, UInt(0), None, True),
            Described(ULong(0x25), {"a": 1}),
        ),
        "a rejection",
    ),
    "an error without a condition": (
        wire.frame(codes.CLOSE, Described(ULong(0x1D), [])),
        "without condition",
    ),
    "an error that is something else": (
        wire.frame(codes.CLOSE, Described(ULong(0x24), [])),
        "unknown descriptor",
    ),
    "an unknown performative": (wire.frame(0x99), "unknown descriptor: 0x99"),
    "an unknown symbol": (wire.frame("amqp:nonsense:list"), "amqp:nonsense:list"),
    "fields that are a map": (wire.raw(b"\x00\x53\x13\xc1\x01\x00"), "no list"),
    "a body that is no performative": (wire.raw(b"\x40"), "without a performative"),
    "a performative that reaches into the next frame": (
        wire.raw(b"\x00\x53\x13\xc0\x0b\x01") + frames.EMPTY_FRAME + frames.EMPTY_FRAME,
        "no AMQP value",
    ),
    "a body that begins behind the frame": (
        wire.raw(b"\x00\x53\x18\x45", offset=0xFF),
        "begins at 1020",
    ),
    "a body that begins in the header": (wire.raw(b"\x00\x53\x18\x45", offset=1), "begins at 4"),
    "a frame of another type": (wire.frame(codes.FLOW, None, UInt(1), kind=2), "type 2"),
    "a sign-in in the middle": (wire.frame(codes.SASL_OUTCOME, 0, kind=1), "out of turn"),
    "a second open": (wire.frame(codes.OPEN, "peer"), "out of turn"),
    "a second begin": (wire.frame(codes.BEGIN, 0, UInt(0), UInt(1)), "out of turn"),
    "a delivery without a number": (wire.transfer(None), "without a number"),
    "a disposition that ends before it begins": (wire.disposition(5, 3), "ends before"),
    "a second protocol header": (frames.AMQP_HEADER, "another protocol"),
}


@pytest.mark.parametrize(("data", "complaint"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_a_frame_against_the_rules_ends_the_connection_with_a_reason(
    data: bytes, complaint: str
) -> None:
    connection = wire.opened()
    link = Recorder(is_receiver=True)
    wire.attach(connection, link)
    connection.give_credit(link, 1)
    connection.receive(data, NOW)
    assert link.told == ["attached", "amqp:decode-error"]
    assert_refused(connection, complaint)


def test_performatives_and_states_may_be_named_by_symbols() -> None:
    connection = wire.opened()
    sender, receiver = Recorder(), Recorder(is_receiver=True)
    wire.attach(connection, sender, 1)
    connection.attach(receiver)
    [frame] = wire.said(connection)
    source = Described(Symbol("amqp:source:list"), ["there"])
    attach = "amqp:attach:list", frame.fields[0], UInt(2), False, 0, 0, source, wire.TARGET
    connection.receive(wire.frame(*attach, None, None, UInt(0)), NOW)
    assert receiver.is_attached
    number = connection.send(sender, b"payload")
    state = Described(Symbol("amqp:accepted:list"), [])
    settled = wire.frame("amqp:disposition:list", True, UInt(number), None, True, state)
    connection.receive(settled, NOW)
    [(_, outcome)] = sender.outcomes
    assert outcome.is_accepted
    error = Described(Symbol("amqp:error:list"), [Symbol("amqp:connection:forced"), "soon back"])
    connection.receive(wire.frame("amqp:close:list", error), NOW)
    assert connection.error is not None
    assert str(connection.error) == "amqp:connection:forced: soon back"


def test_a_peer_that_wants_to_be_woken_all_the_time_is_woken_twice_a_second() -> None:
    connection = wire.opened("host", UInt(65536), 0, UInt(1))
    assert connection.deadline() == NOW + 0.5


def test_a_peer_without_room_for_a_link_says_so() -> None:
    connection = wire.opened(handle_max=0)
    connection.attach(Recorder())
    with pytest.raises(frames.AmqpError, match="no handle is left"):
        connection.attach(Recorder())


# -- links ----------------------------------------------------------------------------------------


def test_a_link_is_attached_once() -> None:
    connection = wire.opened()
    link = Recorder()
    wire.attach(connection, link, 1)
    name = f"id-{connection._links._names}"
    fields = name, UInt(2), True, 0, 0, wire.SOURCE, wire.TARGET
    connection.receive(wire.frame(codes.ATTACH, *fields), NOW)
    assert_refused(connection, "attached twice")


def test_both_ends_of_a_link_are_not_the_same() -> None:
    connection = wire.opened()
    connection.attach(Recorder())
    [frame] = wire.said(connection)
    fields = frame.fields[0], UInt(2), False, 0, 0, wire.SOURCE, wire.TARGET
    connection.receive(wire.frame(codes.ATTACH, *fields), NOW)
    assert_refused(connection, "both of whose ends")


def test_one_link_that_fails_to_go_down_leaves_no_other_up() -> None:
    connection = wire.opened()
    first, second = Recorder(), Recorder()
    wire.attach(connection, first, 1)
    wire.attach(connection, second, 2)
    first.failure = KeyError("mine")
    with pytest.raises(KeyError):
        connection.receive(b"garbage.", NOW)
    assert second.told == ["attached", "amqp:decode-error"]
    assert not first.is_attached


def test_a_peer_that_asks_hears_the_state_of_the_link() -> None:
    connection = wire.opened()
    link = Recorder(is_receiver=True)
    wire.attach(connection, link)
    connection.give_credit(link, 9)
    connection.take_output()
    connection.receive(wire.flow(handle=7, echo=True), NOW)
    [flow] = wire.said(connection)
    assert flow.fields[4:7] == [link.handle, 0, 9]


def test_a_peer_that_asks_for_no_link_hears_the_state_of_the_session() -> None:
    connection = wire.opened()
    connection.receive(wire.flow(echo=True), NOW)
    [flow] = wire.said(connection)
    assert flow.field(4) is None


def test_credit_that_is_drained_is_used_up() -> None:
    connection = wire.opened()
    link = Recorder()
    wire.attach(connection, link)
    connection.receive(wire.flow(handle=7, credit=5, drain=True), NOW)
    [flow] = wire.said(connection)
    assert flow.fields[4:9] == [link.handle, 5, 0, None, True]
    assert link.credit == 0


# -- messages and settlements ---------------------------------------------------------------------


def test_more_messages_than_were_asked_for_end_the_link() -> None:
    connection = wire.opened()
    link = Recorder(is_receiver=True)
    wire.attach(connection, link)
    connection.give_credit(link, 2)
    connection.give_credit(link, 1)  # what the first two were asked with may have left already
    connection.take_output()
    for number in range(3):
        connection.receive(wire.transfer(number), NOW)
    assert len(link.deliveries) == 2
    assert link.told == ["attached", wire.TRANSFER_LIMIT]
    [detach] = wire.said(connection)
    assert detach.fields[2].value[0] == wire.TRANSFER_LIMIT
    assert connection.state is State.OPEN


def test_a_message_on_a_link_that_sends_is_refused() -> None:
    connection = wire.opened()
    wire.attach(connection, Recorder())
    connection.receive(wire.transfer(), NOW)
    assert_refused(connection, "a link that sends")


def test_a_disposition_of_everything_settles_what_there_is_at_once() -> None:
    connection = wire.opened()
    link = Recorder()
    wire.attach(connection, link)
    numbers = [connection.send(link, b"x") for _ in range(3)]
    connection.receive(wire.disposition(0, 0x7FFFFFFF), NOW)
    assert [number for number, _ in link.outcomes] == numbers


def test_a_settlement_that_is_waited_for_is_given() -> None:
    connection = wire.opened()
    link = Recorder()
    wire.attach(connection, link)
    number = connection.send(link, b"x")
    connection.take_output()
    connection.receive(wire.disposition(number, settled=False), NOW)
    [answer] = wire.said(connection)
    assert answer.fields[:4] == [False, number, None, True]
    assert [outcome.is_accepted for _, outcome in link.outcomes] == [True]
    connection.receive(wire.disposition(number), NOW)
    assert len(link.outcomes) == 1


def test_settlements_of_neighbours_are_told_together_but_for_those_with_another_outcome() -> None:
    connection = wire.opened()
    link = Recorder(is_receiver=True)
    wire.attach(connection, link)
    connection.take_output()
    for number in (3, 1, 5, 2):
        connection.settle(link, number, frames.ACCEPTED)
    connection.settle(link, 4, frames.RELEASED)
    told = [frame.fields for frame in wire.said(connection)]
    assert [fields[:4] for fields in told] == [
        [True, 1, 3, False],
        [True, 5, None, False],
        [True, 4, None, False],
    ]
    assert [fields[4].descriptor for fields in told] == [0x24, 0x24, 0x26]
    assert connection.take_output() == b""


def test_what_is_settled_is_told_before_its_link_is_detached() -> None:
    connection = wire.opened()
    link = Recorder(is_receiver=True)
    wire.attach(connection, link)
    connection.take_output()
    connection.settle(link, 0, frames.ACCEPTED)
    connection.detach(link)
    assert [frame.code for frame in wire.said(connection)] == [codes.DISPOSITION, codes.DETACH]


def test_news_of_a_delivery_under_way_is_no_outcome() -> None:
    connection = wire.opened()
    link = Recorder()
    wire.attach(connection, link)
    number = connection.send(link, b"x")
    received = Described(ULong(0x23), [UInt(0), UInt(0)])
    connection.receive(wire.disposition(number, settled=False, state=received), NOW)
    assert link.outcomes == []
    connection.receive(wire.disposition(number), NOW)
    assert len(link.outcomes) == 1


def test_a_message_that_is_settled_without_a_word_has_not_been_accepted() -> None:
    connection = wire.opened()
    link = Recorder()
    wire.attach(connection, link)
    number = connection.send(link, b"x")
    connection.receive(wire.disposition(number, state=None), NOW)
    [(_, outcome)] = link.outcomes
    assert not outcome.is_accepted
    assert outcome.error is not None
    assert outcome.error.condition == "amqp:illegal-state"


def test_a_settlement_of_ours_needs_no_word_to_be_confirmed() -> None:
    connection = wire.opened()
    link = Recorder(is_receiver=True)
    wire.attach(connection, link)
    connection.give_credit(link, 1)
    connection.receive(wire.transfer(4), NOW)
    connection.settle(link, 4, frames.ACCEPTED)
    connection.receive(wire.disposition(4, state=None, from_receiver=False), NOW)
    [(number, outcome)] = link.outcomes
    assert (number, outcome.error) == (4, None)
