from __future__ import annotations

from typing import Any

import pytest

from servicebus_emulator.amqp.connection import CLOSE_LINGER, Connection
from servicebus_emulator.amqp.errors import AmqpError, StateError
from servicebus_emulator.amqp.events import (
    AuthenticationRequested,
    ConnectionClosed,
    ConnectionOpened,
    Event,
    ProtocolFailed,
    SessionBegun,
    SessionEnded,
)
from servicebus_emulator.amqp.framing import (
    AMQP_FRAME,
    AMQP_HEADER,
    SASL_FRAME,
    SASL_HEADER,
    FrameReader,
    encode_frame,
    frame_header,
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
from servicebus_emulator.amqp.sasl_frames import SaslInit, SaslOutcome
from servicebus_emulator.amqp.schemas import (
    Performative,
    SaslFrame,
    decode_performative,
    encode_body,
)
from servicebus_emulator.amqp.session import Session
from servicebus_emulator.amqp.states import ConnectionState, LinkState
from tests.unit.servicebus_emulator.amqp.connection_pair import ConnectionPair

NOW = 1000.0


def server(**options: Any) -> Connection:
    return Connection("server", "me", now=NOW, **options)


def frame(performative: Performative, channel: int = 0) -> bytes:
    return encode_frame(encode_body(performative), channel)


def sasl_frame(body: SaslFrame) -> bytes:
    return encode_frame(encode_body(body), kind=SASL_FRAME)


def events(connection: Connection) -> list[Event]:
    told = list(connection.events)
    connection.events.clear()
    return told


def sent(connection: Connection) -> list[Performative]:
    """Read what a connection without SASL has sent after its header."""
    reader = FrameReader(1 << 20)
    reader.feed(connection.data_to_send().removeprefix(AMQP_HEADER))
    frames = []
    while (unit := reader.take_frame()) is not None:
        frames.append(decode_performative(unit.data, unit.start, unit.end)[0])
    return frames


def opened(**options: Any) -> Connection:
    connection = server(**options)
    connection.receive_data(AMQP_HEADER + frame(Open("peer", channel_max=9)), NOW)
    connection.data_to_send()
    events(connection)
    return connection


def assert_failed(connection: Connection, condition: str) -> None:
    failed, closed = events(connection)
    assert isinstance(failed, ProtocolFailed)
    assert isinstance(closed, ConnectionClosed)
    assert closed.error is not None
    assert failed.condition == closed.error.condition == condition


# --- opening ------------------------------------------------------------------------------------


def test_the_server_waits_for_the_header_of_the_client() -> None:
    assert server().data_to_send() == b""


def test_the_server_answers_header_and_open() -> None:
    connection = server(idle_time_out=240000, properties={"product": "x"})
    connection.receive_data(AMQP_HEADER, NOW)
    assert connection.data_to_send() == AMQP_HEADER
    connection.receive_data(frame(Open("peer", "host", 4096, 5, 7000, properties={"a": 1})), NOW)
    assert sent(connection) == [
        Open("me", None, 65536, 255, 240000, properties={"product": "x"}),
    ]
    assert events(connection) == [ConnectionOpened("peer", "host", 4096, 5, 7000, {"a": 1}, None)]
    assert connection.state is ConnectionState.OPENED


def test_a_client_opens_through_sasl() -> None:
    pair = ConnectionPair(client={"hostname": "host"})
    assert pair.client.data_to_send() == SASL_HEADER
    pair = ConnectionPair(client={"hostname": "host"})
    pair.exchange()
    opened_event = pair.server_events[0]
    assert isinstance(opened_event, ConnectionOpened)
    assert (opened_event.hostname, opened_event.user) == ("host", None)


def test_a_client_may_do_without_sasl() -> None:
    pair = ConnectionPair(client={"mechanism": None})
    pair.exchange()
    assert isinstance(pair.client_events[0], ConnectionOpened)


def test_the_server_judges_who_comes_with_a_password() -> None:
    connection = server()
    init = sasl_frame(SaslInit("PLAIN", b"\0key\0secret"))
    connection.receive_data(SASL_HEADER + init + AMQP_HEADER + frame(Open("peer")), NOW)
    assert events(connection) == [AuthenticationRequested("PLAIN", "key", "secret")]
    connection.data_to_send()
    connection.authenticate(accepted=True)
    assert connection.data_to_send().startswith(sasl_frame(SaslOutcome(0)) + AMQP_HEADER)
    (event,) = events(connection)
    assert isinstance(event, ConnectionOpened)
    assert event.user == "key"


def test_who_is_refused_is_told_and_left() -> None:
    connection = server()
    connection.receive_data(SASL_HEADER + sasl_frame(SaslInit("PLAIN", b"\0key\0wrong")), NOW)
    events(connection)
    connection.data_to_send()
    connection.authenticate(accepted=False)
    assert connection.data_to_send() == sasl_frame(SaslOutcome(1))
    assert events(connection) == [ConnectionClosed(None)]
    assert connection.finished


def test_nobody_is_judged_who_was_not_asked() -> None:
    with pytest.raises(StateError):
        server().authenticate(accepted=True)
    with pytest.raises(StateError):
        ConnectionPair().client.authenticate(accepted=True)


def test_the_handshake_works_byte_by_byte() -> None:
    stream = (
        SASL_HEADER
        + sasl_frame(SaslInit("ANONYMOUS"))
        + AMQP_HEADER
        + frame(Open("peer"))
        + frame(Begin(None, 0, 1, 1))
    )
    whole, piecemeal = server(), server()
    whole.receive_data(stream, NOW)
    for number in range(len(stream)):
        piecemeal.receive_data(stream[number : number + 1], NOW)
    assert whole.data_to_send() == piecemeal.data_to_send()
    assert [type(event) for event in events(whole)] == [type(event) for event in events(piecemeal)]


@pytest.mark.parametrize(
    "header",
    [b"GET / HT", b"AMQP\x00\x00\x09\x01", b"AMQP\x02\x01\x00\x00", b"AMQP\x00\x01\x00\x01"],
)
def test_a_foreign_header_is_answered_with_ours(header: bytes) -> None:
    connection = server()
    connection.receive_data(header, NOW)
    assert connection.data_to_send() == AMQP_HEADER
    assert_failed(connection, "amqp:connection:framing-error")
    assert connection.finished


def test_sasl_is_spoken_once() -> None:
    connection = server()
    connection.receive_data(SASL_HEADER + sasl_frame(SaslInit("ANONYMOUS")) + SASL_HEADER, NOW)
    assert_failed(connection, "amqp:connection:framing-error")


def test_a_client_goes_when_the_server_speaks_no_sasl() -> None:
    client = ConnectionPair().client
    client.receive_data(AMQP_HEADER, NOW)
    assert_failed(client, "amqp:connection:framing-error")


def test_a_client_goes_when_it_is_refused() -> None:
    pair = ConnectionPair(client={"mechanism": "EXTERNAL"})
    pair.exchange()
    failed = pair.client_events[0]
    assert isinstance(failed, ProtocolFailed)
    assert failed.condition == "amqp:unauthorized-access"
    assert pair.client.finished


def test_a_client_goes_when_the_header_that_follows_is_foreign() -> None:
    client = ConnectionPair(client={"mechanism": None}).client
    client.data_to_send()
    client.receive_data(b"HTTP/1.1", NOW)
    assert events(client)[-1] == ConnectionClosed(
        AmqpError("amqp:connection:framing-error", "a protocol header that is not AMQP 1.0's")
    )


def test_a_frame_size_below_the_minimum_is_refused() -> None:
    with pytest.raises(ValueError, match="512"):
        server(max_frame_size=511)


def test_a_peer_is_never_thought_to_take_less_than_the_minimum() -> None:
    connection = server()
    connection.receive_data(AMQP_HEADER + frame(Open("peer", max_frame_size=100)), NOW)
    assert connection._outlet.max_frame_size == 512


# --- faults -------------------------------------------------------------------------------------


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


# --- closing ------------------------------------------------------------------------------------


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


# --- signs of life ------------------------------------------------------------------------------


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


# --- sessions -----------------------------------------------------------------------------------


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


def test_a_frame_that_is_none_of_sasl_ends_the_exchange() -> None:
    connection = Connection("server", "server", now=0.0)
    connection.receive_data(SASL_HEADER + frame_header(0), 0.0)

    failed = connection.events.popleft()
    assert isinstance(failed, ProtocolFailed)
    assert "in the SASL exchange" in failed.description
    assert connection.finished
