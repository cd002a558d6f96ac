"""The port from outside, on bare sockets: its doors, and what rude clients cannot do to others."""

import contextlib
import http.client
import json
import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_plus, urlencode

import pytest

from servicebus_emulator import ServiceBusEmulator, ThreadedEmulator
from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.message import BareMessage, encode_bare
from servicebus_emulator.nodes.sas import ROOT_KEY, sign
from tests.integration.emulator.raw_client import PATIENCE, RawClient

if TYPE_CHECKING:
    from tests.integration.emulator.conftest import QueueMaker

SASL_HEADER = b"AMQP\x03\x01\x00\x00"
PAYLOAD = encode_bare(BareMessage(data=[b"x" * 1000]))


@pytest.fixture(scope="module")
def context(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def connect(emulator: ThreadedEmulator) -> socket.socket:
    return socket.create_connection(("127.0.0.1", emulator.port), timeout=PATIENCE)


def authorization() -> str:
    resource, expiry = "https://127.0.0.1", "99999999999"
    signature = sign(quote_plus(resource), expiry, ROOT_KEY.key).decode()
    fields = {"sr": resource, "sig": signature, "se": expiry, "skn": ROOT_KEY.name}
    return f"SharedAccessSignature {urlencode(fields)}"


def active_messages(emulator: ThreadedEmulator, queue: str) -> int:
    def count(emulator: ServiceBusEmulator) -> int:
        return emulator.namespace.get_queue(queue).counts(emulator.clock.now()).active

    return emulator.run(count)


def assert_serves(emulator: ThreadedEmulator, queue: str) -> None:
    """Somebody else can still send and receive."""
    with RawClient(emulator.port) as client:
        client.send(queue, PAYLOAD)
        client.receiver(queue, credit=1, settled=True)
        client.wait_for(events.DeliveryReceived)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_is_told_to_everybody(emulator: ThreadedEmulator, method: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, "/health")
        response = connection.getresponse()
        body = response.read()

    assert response.status == 200
    assert not body or json.loads(body)["status"] == "healthy"


def test_health_is_told_over_tls_as_well(
    emulator: ThreadedEmulator, context: ssl.SSLContext
) -> None:
    connection = http.client.HTTPSConnection(
        "localhost", emulator.port, timeout=PATIENCE, context=context
    )
    with contextlib.closing(connection):
        connection.request("GET", "/health")

        assert connection.getresponse().status == 200


def test_management_works_over_plain_http_on_one_connection(
    emulator: ThreadedEmulator, queue: str
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=PATIENCE)
    bodies = []
    with contextlib.closing(connection):
        for _ in range(2):
            connection.request("GET", f"/{queue}", headers={"Authorization": authorization()})
            bodies.append(connection.getresponse().read())

    assert all(b"LockDuration>PT1M<" in body for body in bodies)


def test_management_without_a_token_is_refused(emulator: ThreadedEmulator, queue: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", emulator.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("DELETE", f"/{queue}")

        assert connection.getresponse().status == 401
    assert active_messages(emulator, queue) == 0


def test_amqp_is_spoken_over_tls_on_the_same_port(
    emulator: ThreadedEmulator, queue: str, context: ssl.SSLContext
) -> None:
    with RawClient(emulator.port, context=context) as client:
        client.send(queue, PAYLOAD)
        client.receiver(queue, credit=1)
        client.wait_for(events.DeliveryReceived)

        assert len(client.taken(events.DeliveryReceived)) == 1


def test_a_wrong_password_is_refused(emulator: ThreadedEmulator) -> None:
    with pytest.raises(AssertionError, match="hung up"):
        RawClient(emulator.port, credentials=(ROOT_KEY.name, "wrong"))


def test_the_emulator_waits_for_the_clients_header(emulator: ThreadedEmulator) -> None:
    with connect(emulator) as client:
        client.settimeout(0.2)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(PATIENCE)
        client.sendall(SASL_HEADER)

        assert client.recv(8) == SASL_HEADER


@pytest.mark.parametrize(
    "rubbish",
    [
        SASL_HEADER + b"\xff" * 100,
        b"AMQP\x00\x01\x00\x00\x7f\xff\xff\xff\x02\x00\x00\x00",
        b"AMQP\x09\x09\x09\x09",
        b"\x16\x03\x01\x00\x05hello",
        b"\x00" * 100 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"a" * 100_000,
    ],
)
def test_rubbish_ends_its_own_connection_and_no_other(
    emulator: ThreadedEmulator, queue: str, rubbish: bytes
) -> None:
    # It may hang up before it has read all of it.
    with connect(emulator) as client, contextlib.suppress(ConnectionError):
        client.sendall(rubbish)
        while client.recv(4096):
            pass

    assert_serves(emulator, queue)


def test_a_hundred_connections_that_say_nothing_disturb_nobody(
    emulator: ThreadedEmulator, queue: str
) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(emulator))

        assert_serves(emulator, queue)


def test_a_client_that_does_not_read_is_sent_no_more_and_disturbs_nobody(
    emulator: ThreadedEmulator, make_queue: "QueueMaker"
) -> None:
    flooded, other = make_queue(), make_queue()
    with RawClient(emulator.port) as source:
        source.send(flooded, encode_bare(BareMessage(data=[b"x" * 100_000])), count=400)
    with RawClient(emulator.port) as rude:
        rude.receiver(flooded, credit=1_000, settled=True)
        assert_serves(emulator, other)
        left = active_messages(emulator, flooded)

    assert 200 < left < 400


def test_what_was_locked_by_a_lost_connection_stays_locked(
    emulator: ThreadedEmulator, queue: str
) -> None:
    with RawClient(emulator.port) as lost:
        lost.send(queue, PAYLOAD)
        lost.receiver(queue, credit=1)
        lost.wait_for(events.DeliveryReceived)
    with RawClient(emulator.port) as other:
        other.receiver(queue, credit=2)
        other.send(queue, PAYLOAD)
        other.wait_for(events.DeliveryReceived)

        assert active_messages(emulator, queue) == 2
        assert len(other.taken(events.DeliveryReceived)) == 1


def test_an_empty_frame_comes_at_half_of_the_clients_idle_time_out(
    emulator: ThreadedEmulator,
) -> None:
    # open(container-id "c", ..., idle-time-out 200 ms), with no SASL before it.
    performative = b"\x00\x53\x10\xc0\x0c\x05\xa1\x01c\x40\x40\x40\x70\x00\x00\x00\xc8"
    frame = (8 + len(performative)).to_bytes(4, "big") + b"\x02\x00\x00\x00" + performative
    with connect(emulator) as client:
        client.sendall(b"AMQP\x00\x01\x00\x00" + frame)
        received = b""
        while received.count(b"\x00\x00\x00\x08\x02\x00\x00\x00") < 2:
            received += client.recv(4096)

    assert received.startswith(b"AMQP\x00\x01\x00\x00")


def test_stopping_says_goodbye_to_amqp_clients(queue: str) -> None:
    emulator = ThreadedEmulator().start()
    client = RawClient(emulator.port)
    emulator.stop()
    with client, contextlib.suppress(ConnectionError):
        client.wait_for(events.ConnectionClosed)

    [closed] = [e for e in client.events if isinstance(e, events.ConnectionClosed)]
    assert closed.error is not None
    assert closed.error.condition == "amqp:connection:forced"
