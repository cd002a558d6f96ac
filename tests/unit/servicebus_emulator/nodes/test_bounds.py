"""What a client can make the emulator keep for it has bounds; beyond them it is told, or let go."""

from collections.abc import Iterator

import pytest

from servicebus_emulator.amqp import events
from servicebus_emulator.amqp.framing import AMQP_HEADER, encode_frame
from servicebus_emulator.amqp.link import Link
from servicebus_emulator.amqp.message import BareMessage, Properties, encode_bare
from servicebus_emulator.amqp.outcomes import Rejected
from servicebus_emulator.amqp.performatives import Open, Transfer
from servicebus_emulator.amqp.schemas import encode_body
from servicebus_emulator.broker.message import Message
from servicebus_emulator.nodes import container
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body
from tests.unit.servicebus_emulator.nodes.requests import Asker

PEEK = encode_bare(
    BareMessage(
        properties=Properties(message_id="id"),
        application_properties={"operation": "com.microsoft:peek-message"},
        value={"from-sequence-number": 1, "message-count": 250},
        has_value=True,
    )
)


def begin(client: Client, link: Link, payload: bytes = b"part", delivery_id: int = 0) -> None:
    """A frame of a delivery that more frames have to follow."""
    transfer = Transfer(link.handle, delivery_id, b"tag", more=True)
    frame = encode_frame(encode_body(transfer) + payload, client.session.channel)
    world = client.world
    world.container.receive(client.peer, frame, world.now, world.real_now)


def frames(client: Client, link: Link, count: int) -> Iterator[int]:
    for _ in range(count):
        begin(client, link, b"")
        incoming = server_end(client, link)._incoming
        assert incoming is not None
        yield len(incoming.parts)


def server_end(client: Client, link: Link) -> Link:
    return next(each for each in client.peer.ends if each.name == link.name)


def test_frames_without_payload_do_not_pile_up() -> None:
    client = Client(World())

    assert set(frames(client, client.sender(), 1000)) == {0}


def test_only_so_many_deliveries_can_be_begun_and_not_finished() -> None:
    client = Client(World())
    links = [client.sender() for _ in range(257)]
    for number, link in enumerate(links):
        begin(client, link, delivery_id=number)
    client.world.turn()
    [closed] = client.taken(events.ConnectionClosed)

    assert closed.error is not None
    assert closed.error.condition == "amqp:resource-limit-exceeded"


def test_deliveries_that_ended_with_their_links_do_not_count() -> None:
    client = Client(World())
    for number in range(600):
        link = client.sender()
        begin(client, link, delivery_id=number)
        link.detach()
        client.world.turn()
    last = client.sender()
    client.send(last, body("a"))

    assert not client.connection.finished
    assert client.world.queue().counts(client.world.now).active == 1


def test_a_connection_has_only_so_many_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MOST_LINKS", 2)
    client = Client(World())
    for _ in range(3):
        client.sender()
    refused = client.detached()

    assert refused is not None
    assert refused.condition == "amqp:resource-limit-exceeded"


def ask_often(client: Client, asker: Asker, count: int) -> list[object]:
    """Send requests without reading; the outcomes of those that were refused."""
    for number in range(count):
        asker.request_link.send(PEEK, delivery_tag=number.to_bytes(4, "big"))
    client.world.turn()
    return [each for each in client.outcomes() if isinstance(each, Rejected)]


def test_requests_whose_responses_pile_up_are_refused() -> None:
    world = World()
    client = Client(world)
    for number in range(100):
        world.queue().send(Message(str(number), b"x" * 10_000, 10_000), world.now)
    asker = Asker(client, "orders/$management")
    refused = ask_often(client, asker, 50)

    assert 40 < len(refused) < 50
    assert sum(len(each.payload) for each in client.deliveries()) < 10 * 1024 * 1024


def test_requests_of_a_client_that_opens_no_window_are_refused() -> None:
    world = World()
    client = Client(world)
    asker = Asker(client, "orders/$management")
    session = next(iter(client.peer.connection.sessions.values()))
    session.transfers.window = 0
    refused = [each for _ in range(6) for each in ask_often(client, asker, 50)]

    assert len(refused) == 300 - 257


def test_a_heartbeat_is_never_faster_than_a_hundred_a_second() -> None:
    connection = World().container.connect(0.0).connection
    hasty = encode_frame(encode_body(Open(container_id="hasty", idle_time_out=1)))
    connection.receive_data(AMQP_HEADER + hasty, 0.0)

    assert connection.next_deadline() == pytest.approx(0.01)
