from __future__ import annotations

import pytest

from servicebus_emulator.amqp.errors import ProtocolError
from servicebus_emulator.amqp.framing import Frame, FrameReader
from servicebus_emulator.amqp.sasl import MECHANISMS, SaslClient, SaslServer, read_plain
from servicebus_emulator.amqp.sasl_frames import (
    SaslChallenge,
    SaslInit,
    SaslMechanisms,
    SaslOutcome,
    SaslResponse,
)
from servicebus_emulator.amqp.schemas import SaslFrame, decode_sasl_frame
from servicebus_emulator.amqp.states import SaslState


def parse(data: bytes) -> SaslFrame:
    reader = FrameReader(512)
    reader.feed(data)
    frame = reader.take_frame()
    assert isinstance(frame, Frame)
    assert frame.kind == 1
    return decode_sasl_frame(frame.data, frame.start, frame.end)


def test_the_server_offers_what_service_bus_offers() -> None:
    assert parse(SaslServer().start()) == SaslMechanisms(
        ("MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL")
    )


@pytest.mark.parametrize("mechanism", ["ANONYMOUS", "MSSBCBS"])
def test_the_nameless_are_accepted_at_once(mechanism: str) -> None:
    server = SaslServer()
    assert parse(server.receive(SaslInit(mechanism, b""))) == SaslOutcome(0)
    assert server.state is SaslState.ACCEPTED


def test_plain_waits_for_a_verdict() -> None:
    server = SaslServer()
    assert server.receive(SaslInit("PLAIN", b"\0key\0secret")) == b""
    assert (server.state, server.user, server.password) == (SaslState.JUDGING, "key", "secret")
    assert parse(server.judge(accepted=True)) == SaslOutcome(0)


@pytest.mark.parametrize(
    "init",
    [SaslInit("EXTERNAL"), SaslInit("SCRAM"), SaslInit("PLAIN"), SaslInit("PLAIN", b"\0\xff\0b")],
)
def test_what_cannot_be_judged_is_refused(init: SaslInit) -> None:
    server = SaslServer()
    assert parse(server.receive(init)) == SaslOutcome(1)
    assert server.state is SaslState.REFUSED


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (b"\0a\0b", ("a", "b")),
        (b"other\0a\0b", ("a", "b")),
        (b"", None),
        (b"\0a", None),
        (b"\0a\0b\0c", None),
        (b"\0a\0\xff", None),
    ],
)
def test_a_plain_response_has_three_parts(
    response: bytes, expected: tuple[str, str] | None
) -> None:
    assert read_plain(response) == expected


def test_the_server_takes_one_init_and_nothing_else() -> None:
    server = SaslServer()
    with pytest.raises(ProtocolError, match="SaslResponse"):
        server.receive(SaslResponse(b""))
    server.receive(SaslInit("ANONYMOUS"))
    with pytest.raises(ProtocolError, match="RECV_INIT"):
        server.receive(SaslInit("ANONYMOUS"))


def test_the_client_answers_the_offer_with_its_mechanism() -> None:
    client = SaslClient("PLAIN", ("key", "secret"), "host")
    assert parse(client.receive(SaslMechanisms(MECHANISMS))) == SaslInit(
        "PLAIN", b"\0key\0secret", "host"
    )
    assert client.receive(SaslOutcome(0)) == b""
    assert client.state is SaslState.ACCEPTED


def test_the_client_goes_when_its_mechanism_is_not_offered() -> None:
    with pytest.raises(ProtocolError, match="not offered"):
        SaslClient("PLAIN", None, None).receive(SaslMechanisms(("ANONYMOUS",)))


def test_the_client_goes_when_it_is_refused() -> None:
    client = SaslClient("ANONYMOUS", None, None)
    client.receive(SaslMechanisms(MECHANISMS))
    with pytest.raises(ProtocolError, match="outcome 1") as caught:
        client.receive(SaslOutcome(1))
    assert caught.value.condition == "amqp:unauthorized-access"
    assert client.state is SaslState.REFUSED


def test_the_client_takes_no_challenge_and_no_early_outcome() -> None:
    client = SaslClient("ANONYMOUS", None, None)
    with pytest.raises(ProtocolError, match="SaslChallenge"):
        client.receive(SaslChallenge(b""))
    with pytest.raises(ProtocolError, match="RECV_OUTCOME"):
        client.receive(SaslOutcome(0))
