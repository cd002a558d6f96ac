"""A blocking AMQP client on a bare socket, to do what no SDK would."""

import socket
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.connection import Connection
from servicebus_emulator.amqp.link import Link
from servicebus_emulator.amqp.outcomes import Accepted
from servicebus_emulator.amqp.performatives import RECEIVER, SENDER, Source, Target
from servicebus_emulator.nodes.sas import ROOT_KEY
from tests.integration.emulator.websocket_stream import WebSocketStream

if TYPE_CHECKING:
    from servicebus_emulator.amqp.session import Session

Kind = TypeVar("Kind", bound=events.Event)
PATIENCE = 60.0


class Stream(Protocol):
    """What is used of a socket."""

    def recv(self, size: int, /) -> bytes: ...
    def sendall(self, data: bytes, /) -> None: ...
    def settimeout(self, seconds: float, /) -> None: ...
    def close(self) -> None: ...


class RawClient:
    """Connected, authenticated by name and key (SASL PLAIN), with one session."""

    def __init__(
        self,
        port: int,
        *,
        context: ssl.SSLContext | None = None,
        through_websocket: bool = False,
        credentials: tuple[str, str] = (ROOT_KEY.name, ROOT_KEY.key),
    ) -> None:
        self.socket: Stream
        if through_websocket:
            self.socket = WebSocketStream(port, context, PATIENCE)
        else:
            plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
            wrap = None if context is None else context.wrap_socket
            self.socket = plain if wrap is None else wrap(plain, server_hostname="127.0.0.1")
        self.connection = Connection(
            "client", "raw", now=0.0, mechanism="PLAIN", credentials=credentials
        )
        self.events: list[events.Event] = []
        try:
            self.wait_for(events.ConnectionOpened)
        except AssertionError:
            self.socket.close()
            raise
        self.session: Session = self.connection.begin()
        self.wait_for(events.SessionBegun)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.socket.close()

    def flush(self) -> None:
        self.socket.sendall(self.connection.data_to_send())

    def until(self, condition: Callable[[], bool]) -> None:
        """Read until the condition holds; fails when the emulator hangs up or says nothing."""
        self.flush()
        while not condition():
            data = self.socket.recv(65536)
            assert data, f"the emulator hung up after {self.events}"
            self.connection.receive_data(data, 0.0)
            while self.connection.events:
                self.events.append(self.connection.events.popleft())
            self.flush()

    def wait_for(self, kind: type[events.Event]) -> None:
        """Read until an event of this kind has come."""
        self.until(lambda: any(isinstance(event, kind) for event in self.events))

    def sender(self, queue: str) -> Link:
        link = self.session.attach(
            queue, SENDER, source=Source("raw"), target=Target(queue), snd_settle_mode=0
        )
        self.until(lambda: link.credit > 0)
        return link

    def receiver(self, queue: str, *, credit: int, settled: bool = False) -> Link:
        link = self.session.attach(
            queue,
            RECEIVER,
            source=Source(queue),
            target=Target("raw"),
            snd_settle_mode=1 if settled else 0,
        )
        self.until(lambda: link.attached)
        link.grant(credit)
        self.flush()
        return link

    def send(self, queue: str, payload: bytes, count: int = 1) -> None:
        """Send messages and wait until all of them are accepted."""
        link = self.sender(queue)
        accepted = 0
        for number in range(count):
            link.send(payload, delivery_tag=number.to_bytes(4, "big"))
            self.until(lambda: link.credit > 0)
        while accepted < count:
            self.wait_for(events.DispositionReceived)
            for event in self.taken(events.DispositionReceived):
                assert event.outcome == Accepted()
                accepted += len(event.deliveries)

    def taken(self, kind: type[Kind]) -> list[Kind]:
        """The events of a kind that have come since the last call."""
        taken: list[Kind] = [event for event in self.events if isinstance(event, kind)]
        self.events = [event for event in self.events if not isinstance(event, kind)]
        return taken
