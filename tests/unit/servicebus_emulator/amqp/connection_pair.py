"""Two ends joined in memory: for tests of links and nodes, without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp.connection import Connection
from servicebus_emulator.amqp.events import AuthenticationRequested, LinkAttached
from servicebus_emulator.amqp.performatives import SENDER, Source, Target

if TYPE_CHECKING:
    from servicebus_emulator.amqp.events import Event
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.amqp.session import Session


class ConnectionPair:
    """A client and a server connection whose bytes go into each other.

    Attributes:
        client: its events are collected in `client_events`.
        server: its events are collected in `server_events`.
        now: seconds that both are told.
    """

    def __init__(
        self, *, client: dict[str, Any] | None = None, server: dict[str, Any] | None = None
    ) -> None:
        """Make both ends; nothing is exchanged yet.

        Args:
            client: keyword arguments for the client's `Connection`.
            server: keyword arguments for the server's `Connection`.
        """
        self.now = 1000.0
        self.client = Connection("client", "client", now=self.now, **(client or {}))
        self.server = Connection("server", "server", now=self.now, **(server or {}))
        self.client_events: list[Event] = []
        self.server_events: list[Event] = []

    def exchange(self) -> None:
        """Carry bytes to and fro until both ends are silent, and collect the events."""
        while True:
            up, down = self.client.data_to_send(), self.server.data_to_send()
            if not up and not down:
                break
            if up:
                self.server.receive_data(up, self.now)
            if down:
                self.client.receive_data(down, self.now)
            self._collect()
        self._collect()

    def _collect(self) -> None:
        while self.client.events:
            self.client_events.append(self.client.events.popleft())
        while self.server.events:
            event = self.server.events.popleft()
            self.server_events.append(event)
            if isinstance(event, AuthenticationRequested):
                self.server.authenticate(accepted=event.password == "right")

    def begin(self) -> Session:
        """Open, begin a session, and return the client's end of it."""
        self.exchange()
        session = self.client.begin()
        self.exchange()
        return session

    def attach(
        self, session: Session, role: bool, *, accept: dict[str, Any] | None = None, **attach: Any
    ) -> tuple[Link, Link]:
        """Attach a link named after its role and return both ends, the client's first.

        Args:
            session: the client's end of a session.
            role: of the client.
            accept: keyword arguments for the server's `Link.accept`.
            attach: keyword arguments for `Session.attach`.
        """
        fields: dict[str, Any] = {"source": Source("there"), "target": Target("there"), **attach}
        near = session.attach("sender" if role is SENDER else "receiver", role, **fields)
        self.exchange()
        event = self.server_events[-1]
        if not isinstance(event, LinkAttached):
            raise TypeError(f"the server has seen {event} instead of an attach")
        event.link.accept(**(accept or {}))
        self.exchange()
        return near, event.link
