from __future__ import annotations

import pytest

from servicebus_emulator.amqp.connection import Connection
from servicebus_emulator.amqp.errors import StateError
from servicebus_emulator.amqp.events import (
    ConnectionClosed,
    SessionBegun,
    SessionEnded,
)
from servicebus_emulator.amqp.framing import (
    AMQP_HEADER,
    encode_frame,
)
from servicebus_emulator.amqp.performatives import (
    SENDER,
    Attach,
    Begin,
    Close,
    Detach,
    End,
    Flow,
    Open,
)
from servicebus_emulator.amqp.sasl_frames import SaslInit
from servicebus_emulator.amqp.session import Session
from tests.unit.servicebus_emulator.amqp.connection_frames import (
    NOW,
    assert_failed,
    events,
    frame,
    opened,
    sasl_frame,
    sent,
    server,
)
from tests.unit.servicebus_emulator.amqp.connection_pair import ConnectionPair

# --- faults ---------------------------------------------------------------------------------------


def test_nothing_but_open_comes_first() -> None:
    connection = server()
    connection.receive_data(AMQP_HEADER + frame(Begin(None, 0, 1, 1)), NOW)
    opened_first, close = sent(connection)
    assert isinstance(opened_first, Open)
    assert isinstance(close, Close)
    assert close.error is not None
    assert close.error.condition == "amqp:not-allowed"
    assert_failed(connection, "amqp:not-allowed")


FAULTS = {
    "a second open": (frame(Open("peer")), "amqp:not-allowed"),
    "garbage in a frame": (encode_frame(b"garbage"), "amqp:decode-error"),
    "a frame of another type": (encode_frame(b"", kind=7), "amqp:connection:framing-error"),
    "a SASL frame": (sasl_frame(SaslInit("ANONYMOUS")), "amqp:connection:framing-error"),
    "a frame larger than agreed": (
        b"\x7f\xff\xff\xff\x02\x00\x00\x00",
        "amqp:connection:framing-error",
    ),
    "a frame without session": (frame(Flow(0, 1, 0, 1), 3), "amqp:not-allowed"),
    "an end without session": (frame(End(), 3), "amqp:not-allowed"),
    "an answer to no begin": (frame(Begin(5, 0, 1, 1)), "amqp:not-allowed"),
    "a channel above channel-max": (
        frame(Begin(None, 0, 1, 1), 256),
        "amqp:connection:framing-error",
    ),
    "a channel in use": (frame(Begin(None, 0, 1, 1)) * 2, "amqp:not-allowed"),
}  # fmt: skip


@pytest.mark.parametrize(("data", "condition"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_closes_the_connection(data: bytes, condition: str) -> None:
    connection = opened()
    connection.receive_data(data, NOW)
    close = sent(connection)[-1]
    assert isinstance(close, Close)
    assert close.error is not None
    assert close.error.condition == condition
    last = events(connection)[-1]
    assert isinstance(last, ConnectionClosed)
    assert last.error == close.error


def test_more_sessions_than_the_peer_can_answer_to_are_a_fault() -> None:
    connection = server()
    connection.receive_data(AMQP_HEADER + frame(Open("peer", channel_max=0)), NOW)
    events(connection)
    for channel in (0, 1):
        connection.receive_data(frame(Begin(None, 0, 1, 1), channel), NOW)
    assert_failed_last(connection, "amqp:not-allowed")


def assert_failed_last(connection: Connection, condition: str) -> None:
    last = events(connection)[-1]
    assert isinstance(last, ConnectionClosed)
    assert last.error is not None
    assert last.error.condition == condition


def test_frames_after_a_fault_are_ignored_until_the_close() -> None:
    connection = opened()
    connection.receive_data(encode_frame(b"garbage"), NOW)
    events(connection)
    connection.receive_data(frame(Begin(None, 0, 1, 1)), NOW)
    assert not connection.finished
    connection.receive_data(frame(Close()), NOW)
    assert events(connection) == []
    assert connection.finished


def test_a_second_fault_ends_the_connection() -> None:
    connection = opened()
    connection.receive_data(encode_frame(b"garbage") * 2, NOW)
    assert_failed(connection, "amqp:decode-error")
    assert connection.finished


def test_a_finished_connection_reads_nothing() -> None:
    connection = opened()
    connection.receive_eof()
    connection.receive_data(b"garbage" * 100, NOW)
    assert events(connection) == [ConnectionClosed(None)]
    assert connection.data_to_send() == b""


def test_frames_for_an_ended_session_are_ignored() -> None:
    connection = opened()
    late = frame(Detach(0, closed=True))
    connection.receive_data(frame(Begin(None, 0, 1, 1)) + frame(End()) + late, NOW)
    assert [type(event) for event in events(connection)] == [SessionBegun, SessionEnded]


def test_a_channel_can_be_used_again() -> None:
    connection = opened()
    connection.receive_data((frame(Begin(None, 0, 1, 1)) + frame(End())) * 2, NOW)
    kinds = [type(event) for event in events(connection)]
    assert kinds == [SessionBegun, SessionEnded] * 2


# --- sessions -------------------------------------------------------------------------------------


def test_sessions_take_the_lowest_free_channel() -> None:
    pair = ConnectionPair()
    first, second = pair.begin(), pair.begin()
    assert (first.channel, second.channel) == (0, 1)
    first.end()
    pair.exchange()
    assert pair.begin().channel == 0


def test_both_ends_may_begin_sessions() -> None:
    pair = ConnectionPair()
    pair.begin()
    session = pair.server.begin()
    pair.exchange()
    assert isinstance(session, Session)
    assert isinstance(pair.client_events[-1], SessionBegun)
    assert pair.server_events[-1] == SessionBegun(session)


def test_channels_run_out() -> None:
    connection = Connection("server", "me", now=NOW, channel_max=0)
    connection.receive_data(AMQP_HEADER + frame(Open("peer")), NOW)
    connection.begin()
    with pytest.raises(StateError, match="channels"):
        connection.begin()


def test_a_closing_connection_begins_nothing() -> None:
    connection = opened()
    connection.close()
    with pytest.raises(StateError, match="CLOSE_SENT"):
        connection.begin()


def test_an_attach_on_one_session_is_not_seen_by_another() -> None:
    connection = opened()
    for channel in (0, 1):
        connection.receive_data(frame(Begin(None, 0, 1, 1), channel), NOW)
    connection.receive_data(frame(Attach("a", 0, SENDER), 1), NOW)
    assert [len(session.links) for session in connection.sessions.values()] == [0, 1]
