from __future__ import annotations

from servicebus_emulator.amqp.connection import CLOSE_LINGER
from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.events import (
    ConnectionClosed,
)
from servicebus_emulator.amqp.framing import (
    AMQP_FRAME,
    AMQP_HEADER,
    encode_frame,
)
from servicebus_emulator.amqp.performatives import (
    SENDER,
    Begin,
    Close,
    Open,
)
from servicebus_emulator.amqp.states import ConnectionState, LinkState
from tests.unit.servicebus_emulator.amqp.connection_frames import (
    NOW,
    events,
    frame,
    opened,
    sent,
    server,
)
from tests.unit.servicebus_emulator.amqp.connection_pair import ConnectionPair

# --- closing --------------------------------------------------------------------------------------


def test_a_close_is_answered() -> None:
    connection = opened()
    connection.receive_data(frame(Close(AmqpError("x:y", "why"))), NOW)
    assert sent(connection) == [Close()]
    assert events(connection) == [ConnectionClosed(AmqpError("x:y", "why"))]
    assert connection.finished


def test_our_close_waits_for_the_answer() -> None:
    pair = ConnectionPair()
    pair.exchange()
    pair.server.close(AmqpError("amqp:connection:forced", "bye"))
    pair.server.close()
    assert pair.server.state is ConnectionState.CLOSE_SENT
    pair.exchange()
    assert pair.server.finished
    assert pair.client_events[-1] == ConnectionClosed(AmqpError("amqp:connection:forced", "bye"))
    assert isinstance(pair.server_events[-1], ConnectionClosed)


def test_a_close_silences_sessions_and_links() -> None:
    pair = ConnectionPair()
    near, far = pair.attach(pair.begin(), SENDER)
    pair.client.close()
    assert near.state is LinkState.DETACHED
    pair.exchange()
    assert far.state is LinkState.DETACHED
    assert pair.client.sessions == pair.server.sessions == {}


def test_what_was_on_its_way_when_we_closed_is_ignored() -> None:
    connection = opened()
    connection.close()
    connection.receive_data(frame(Begin(None, 0, 1, 1)), NOW)
    connection.receive_data(frame(Close()), NOW)
    assert events(connection) == [ConnectionClosed(None)]


def test_a_close_before_open_opens_first() -> None:
    connection = server()
    connection.receive_data(AMQP_HEADER, NOW)
    connection.close(AmqpError("x:y"))
    assert [type(performative) for performative in sent(connection)] == [Open, Close]
    connection.receive_data(frame(Open("peer")) + frame(Close()), NOW)
    assert events(connection) == [ConnectionClosed(AmqpError("x:y"))]


def test_a_close_before_the_header_just_ends() -> None:
    connection = server()
    connection.close()
    assert events(connection) == [ConnectionClosed(None)]
    assert connection.finished


def test_a_client_may_close_before_it_is_answered() -> None:
    pair = ConnectionPair(client={"mechanism": None})
    pair.client.close()
    pair.exchange()
    assert pair.client.finished
    assert pair.server.finished
    assert pair.client_events == [ConnectionClosed(None)]


def test_a_peer_that_does_not_answer_our_close_is_left() -> None:
    connection = opened()
    connection.close()
    assert connection.next_deadline() == NOW + CLOSE_LINGER
    connection.handle_deadline(NOW + 1)
    assert connection.state is ConnectionState.CLOSE_SENT
    connection.handle_deadline(NOW + CLOSE_LINGER)
    assert connection.finished
    assert connection.next_deadline() is None
    assert events(connection) == [ConnectionClosed(None)]


def test_the_end_of_the_transport_is_told_once() -> None:
    connection = opened()
    connection.receive_eof()
    connection.receive_eof()
    assert events(connection) == [ConnectionClosed(None)]


# --- signs of life --------------------------------------------------------------------------------


def test_empty_frames_are_sent_at_half_of_the_peers_idle_time_out() -> None:
    connection = server()
    connection.receive_data(AMQP_HEADER + frame(Open("peer", idle_time_out=60000)), NOW)
    connection.data_to_send()
    assert connection.next_deadline() == NOW + 30
    connection.handle_deadline(NOW + 29)
    assert connection.data_to_send() == b""
    connection.handle_deadline(NOW + 31)
    assert connection.data_to_send() == bytes.fromhex("0000000802000000")
    assert connection.next_deadline() == NOW + 61


def test_nothing_is_due_without_an_idle_time_out() -> None:
    connection = opened()
    assert connection.next_deadline() is None
    connection.handle_deadline(NOW + 1000)
    assert connection.data_to_send() == b""


def test_a_finished_connection_has_nothing_due() -> None:
    connection = opened()
    connection.receive_eof()
    connection.handle_deadline(NOW)
    assert connection.data_to_send() == b""


def test_empty_frames_of_the_peer_mean_nothing() -> None:
    connection = opened()
    connection.receive_data(encode_frame(b"", kind=AMQP_FRAME) * 3, NOW)
    assert events(connection) == []
