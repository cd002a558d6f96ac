"""Two ends of a session, for tests of it and of its links; and what they were told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicebus_emulator.amqp.events import (
    DeliveryReceived,
    Event,
    LinkAttached,
    LinkDetached,
    SessionBegun,
)
from servicebus_emulator.amqp.performatives import (
    Source,
    Target,
)
from servicebus_emulator.amqp.schemas import Performative, encode_body
from tests.unit.servicebus_emulator.amqp.connection_pair import ConnectionPair

if TYPE_CHECKING:
    from servicebus_emulator.amqp.link import Link
    from servicebus_emulator.amqp.session import Session


def only(events: list[Event], kind: type) -> Any:
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, found
    return found[0]


def deliveries(events: list[Event]) -> list[DeliveryReceived]:
    return [event for event in events if isinstance(event, DeliveryReceived)]


class Peers:
    """A session between two ends, and raw frames from the client past its own rules."""

    def __init__(self, **connections: Any) -> None:
        self.pair = ConnectionPair(**connections)
        self.near = self.pair.begin()
        self.far: Session = only(self.pair.server_events, SessionBegun).session

    def attach(self, role: bool, **options: Any) -> tuple[Link, Link]:
        return self.pair.attach(self.near, role, **options)

    def inject(self, *frames: Performative, payload: bytes = b"") -> None:
        for frame in frames:
            self.near.outlet.write(self.near.channel, encode_body(frame), payload)
        self.pair.exchange()


def assert_detached(peers: Peers, condition: str) -> None:
    at_server = only(peers.pair.server_events, LinkDetached)
    at_client = only(peers.pair.client_events, LinkDetached)
    assert at_server.error.condition == at_client.error.condition == condition


def begun(peers: Peers, role: bool) -> tuple[Link, Link]:
    near = peers.near.attach("link", role, source=Source("s"), target=Target("t"))
    peers.pair.exchange()
    return near, only(peers.pair.server_events, LinkAttached).link
