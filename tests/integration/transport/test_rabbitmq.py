"""An independent referee of our AMQP client: RabbitMQ's AMQP 1.0, where RabbitMQ is installed."""

from __future__ import annotations

import shutil
import socket
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import kombu
import pytest

from benchmarks import brokers
from celery_azure.amqp import frames
from celery_azure.amqp import performatives as codes
from celery_azure.amqp.codec import Described, UByte, UInt, ULong
from celery_azure.amqp.connection import Connection, State
from celery_azure.amqp.frames import Attach
from celery_azure.amqp.messages import Message, Received
from celery_azure.amqp.sender import Outgoing, Sender
from celery_azure.amqp.settlement import ABANDON, COMPLETE, RELEASE
from tests.unit.celery_azure.amqp import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from celery_azure.amqp.frames import AmqpError
    from celery_azure.amqp.link import Link

SECONDS = 10.0

pytestmark = pytest.mark.skipif(
    shutil.which("rabbitmq-server") is None,
    reason="the independent referee is left out: no rabbitmq-server on the path",
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[brokers.Broker]:
    executable = shutil.which("rabbitmq-server")
    assert executable is not None
    with ExitStack() as cleanup:
        folder = tmp_path_factory.mktemp("broker")
        yield brokers.rabbitmq(executable, cleanup, folder, ["rabbitmq_amqp1_0"])


@pytest.fixture
def queue(broker: brokers.Broker) -> Iterator[Any]:
    """A queue, as the broker's own protocol sees it."""
    with kombu.Connection(broker.settings["broker_url"]) as connection:
        queue = connection.SimpleQueue("jobs", no_ack=True)
        queue.clear()
        yield queue
        queue.close()


@pytest.fixture
def line(broker: brokers.Broker, queue: Any) -> Iterator[Line]:
    del queue  # it is there
    line = Line(broker.port)
    yield line
    line.close()


class Line:
    """The client's protocol on a socket. It signs in with a password, which ours never does."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), SECONDS)
        self._sign_in()
        self.connection = Connection("localhost", "referee", time.monotonic())
        self.connection.receive(wire.hello(), time.monotonic())
        own = self.connection.take_output()
        self.socket.sendall(own[own.index(frames.AMQP_HEADER) :])
        self.run_until(lambda: self.connection.state is State.OPEN)

    def _sign_in(self) -> None:
        self.socket.sendall(frames.SASL_HEADER)
        said = self.socket.recv(65536)
        while b"PLAIN" not in said:
            said += self.socket.recv(65536)
        self.socket.sendall(frames.sasl_init("PLAIN", b"\0guest\0guest", "localhost"))
        said = self.socket.recv(65536)
        [outcome] = frames.FrameReader().feed(said)
        assert isinstance(outcome, frames.Frame)
        assert outcome.fields[0] == 0

    def run_until(self, condition: Callable[[], object]) -> None:
        """Write and read until something has happened."""
        while True:
            data = self.connection.take_output()
            if data:
                self.socket.sendall(data)
            if condition():
                return
            said = self.socket.recv(262_144)
            assert said, "the peer has closed the socket"
            self.connection.receive(said, time.monotonic())

    def attach(self, link: Link) -> None:
        self.connection.attach(link)
        self.run_until(lambda: link.is_attached)

    def close(self) -> None:
        self.connection.close(time.monotonic())
        self.socket.sendall(self.connection.take_output())
        self.socket.close()


class RabbitSender(Sender):
    """Our sender, with an address of RabbitMQ's."""

    def attach_frame(self, name: str, handle: int, host: str) -> bytes:
        del host
        return Attach(name, handle, False, "here", self.address).to_bytes()


class RabbitReceiver(wire.Recorder):
    """A receiver, with an address of RabbitMQ's, which knows only the settle mode `first`."""

    def __init__(self, address: str) -> None:
        super().__init__(address, is_receiver=True)

    def attach_frame(self, name: str, handle: int, host: str) -> bytes:
        del host
        source = Described(ULong(0x28), [self.address])
        modes = UByte(0), UByte(0)
        return wire.frame(codes.ATTACH, name, UInt(handle), True, *modes, source, wire.TARGET)


def send(line: Line, sender: Sender, *bodies: bytes) -> list[AmqpError | None]:
    """Send one by one; what became of each."""
    fates: list[AmqpError | None] = []
    for count, body in enumerate(bodies, start=1):
        payload = Message(body, content_type="application/json").to_bytes()
        sender.submit(Outgoing(payload, time.monotonic() + SECONDS, fates.append))
        sender.pump(time.monotonic())
        line.run_until(lambda count=count: len(fates) == count)  # type: ignore[misc]
    return fates


def receive(line: Line, receiver: RabbitReceiver, count: int) -> list[bytes]:
    line.connection.give_credit(receiver, count)
    line.run_until(lambda: len(receiver.deliveries) == count)
    return [Received(payload).body for payload, _, _ in receiver.deliveries]


def test_messages_of_any_length_are_accepted(line: Line, queue: Any) -> None:
    sender = RabbitSender("/amq/queue/jobs")
    line.attach(sender)
    bodies = [b'"small"', b'"' + b"x" * 600_000 + b'"', b'""']
    assert send(line, sender, *bodies) == [None, None, None]
    assert [queue.get(timeout=SECONDS).payload for _ in bodies] == ["small", "x" * 600_000, ""]


def test_messages_come_and_are_settled_each_way(line: Line, queue: Any) -> None:
    bodies = [b"complete", b"release", b"reject"]
    sender, receiver = RabbitSender("/amq/queue/jobs"), RabbitReceiver("/amq/queue/jobs")
    line.attach(sender)
    send(line, sender, *(b'"' + body + b'"' for body in bodies))
    line.attach(receiver)
    assert receive(line, receiver, 3) == [b'"' + body + b'"' for body in bodies]
    rejected = frames.dead_lettered("Odd", "no reason")
    states = [COMPLETE.state, RELEASE.state, rejected]
    for (_, number, _), state in zip(receiver.deliveries, states, strict=True):
        line.connection.settle(receiver, number, state)
    line.run_until(lambda: len(receiver.outcomes) == 3)
    assert [number for number, _ in receiver.outcomes] == [0, 1, 2]
    line.connection.detach(receiver)
    line.run_until(lambda: True)
    assert queue.get(timeout=SECONDS).payload == "release"
    with pytest.raises(queue.Empty):
        queue.get_nowait()


def test_credit_that_is_drained_comes_back(line: Line) -> None:
    receiver = RabbitReceiver("/amq/queue/jobs")
    line.attach(receiver)
    line.connection.give_credit(receiver, 5, drain=True)
    line.run_until(lambda: receiver.credit == 0)
    assert receiver.deliveries == []


def test_an_address_that_is_none_is_refused_with_the_broker_s_words(line: Line) -> None:
    sender = RabbitSender("/nonsense/x")
    line.connection.attach(sender)
    line.run_until(lambda: line.connection.error)
    assert "unknown_destination" in str(line.connection.error)


def test_a_mode_that_it_does_not_know_is_refused_with_its_words(line: Line) -> None:
    receiver = wire.Recorder(is_receiver=True)
    line.connection.attach(receiver)
    line.run_until(lambda: line.connection.error)
    assert "rcv-settle-mode second not supported" in str(line.connection.error)
    assert receiver.told == ["amqp:not-implemented"]


def test_an_outcome_that_it_does_not_know_is_refused_with_its_words(line: Line) -> None:
    sender, receiver = RabbitSender("/amq/queue/jobs"), RabbitReceiver("/amq/queue/jobs")
    line.attach(sender)
    send(line, sender, b'"abandon"')
    line.attach(receiver)
    receive(line, receiver, 1)
    line.connection.settle(receiver, receiver.deliveries[0][1], ABANDON.state)
    line.run_until(lambda: line.connection.error)
    assert "Unrecognised state" in str(line.connection.error)
    assert receiver.told == ["attached", "amqp:invalid-field"]
