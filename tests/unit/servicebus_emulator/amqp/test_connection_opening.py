from __future__ import annotations

import pytest

from servicebus_emulator.amqp.connection import Connection
from servicebus_emulator.amqp.errors import AmqpError, StateError
from servicebus_emulator.amqp.events import (
    AuthenticationRequested,
    ConnectionClosed,
    ConnectionOpened,
    ProtocolFailed,
)
from servicebus_emulator.amqp.framing import (
    AMQP_HEADER,
    SASL_HEADER,
    frame_header,
)
from servicebus_emulator.amqp.performatives import (
    Begin,
    Open,
)
from servicebus_emulator.amqp.sasl_frames import SaslInit, SaslOutcome
from servicebus_emulator.amqp.states import ConnectionState
from tests.unit.servicebus_emulator.amqp.connection_frames import (
    NOW,
    assert_failed,
    events,
    frame,
    sasl_frame,
    sent,
    server,
)
from tests.unit.servicebus_emulator.amqp.connection_pair import ConnectionPair


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


def test_a_frame_that_is_none_of_sasl_ends_the_exchange() -> None:
    connection = Connection("server", "server", now=0.0)
    connection.receive_data(SASL_HEADER + frame_header(0), 0.0)

    failed = connection.events.popleft()
    assert isinstance(failed, ProtocolFailed)
    assert "in the SASL exchange" in failed.description
    assert connection.finished
