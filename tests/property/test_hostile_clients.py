"""Whatever a client sends, the container neither raises nor disturbs another client."""

import functools

from hypothesis import given
from hypothesis import strategies as st

from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.outcomes import (
    Accepted,
    DeliveryState,
    Modified,
    Rejected,
    Released,
)
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body
from tests.unit.servicebus_emulator.nodes.requests import Asker

NUMBERS = st.integers(min_value=0, max_value=1 << 20)


@functools.cache
def conversation() -> tuple[bytes, ...]:
    """What a well-behaved client sends that uses everything there is."""
    world = World()
    client = Client(world)
    sender, receiver = client.sender(), client.receiver()
    for text in "abcde":
        client.send(sender, body(text))
    receiver.grant(8)
    world.turn()
    client.outcomes()
    dead = Rejected(AmqpError("com.microsoft:dead-letter"))
    outcomes: list[DeliveryState] = [
        Accepted(),
        Released(),
        Modified(),
        Modified(undeliverable_here=True),
        dead,
    ]
    for delivery, outcome in zip(client.deliveries(), outcomes, strict=True):
        client.settle(delivery, outcome)
    receiver.drain()
    world.turn()
    client.deliveries()
    peek = {"from-sequence-number": 1, "message-count": 9}
    Asker(client, "orders/$management").ask(peek, operation="com.microsoft:peek-message")
    Asker(client, "$cbs").ask("token", operation="put-token", name="sb://x/orders")
    receiver.detach()
    client.session.end()
    client.connection.close()
    world.turn()
    return tuple(world.received)


def spoil(piece: bytes, place: int, rubbish: bytes, *, insert: bool) -> bytes:
    """Write rubbish over a piece, or into it."""
    start = place % (len(piece) + 1)
    return piece[:start] + rubbish + piece[start if insert else start + len(rubbish) :]


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS, st.binary(max_size=8), st.booleans()), max_size=5),
    st.lists(st.tuples(NUMBERS, NUMBERS), max_size=2),
)
def test_a_spoilt_conversation_harms_only_the_one_who_leads_it(
    faults: list[tuple[int, int, bytes, bool]], repetitions: list[tuple[int, int]]
) -> None:
    pieces = list(conversation())
    for which, place, rubbish, insert in faults:
        index = which % len(pieces)
        pieces[index] = spoil(pieces[index], place, rubbish, insert=insert)
    for which, place in repetitions:
        pieces.insert(place % len(pieces), pieces[which % len(pieces)])

    world = World(orders={}, invoices={})
    bystander = Client(world)
    bystander.receiver("invoices", credit=1)
    peer = world.container.connect(world.real_now)
    for piece in pieces:
        world.container.receive(peer, piece, world.now, world.real_now)
        world.container.turn(world.now)
        peer.connection.data_to_send()
        peer.written_out()
        world.container.take_touched()
    world.container.disconnected(peer, world.now)
    world.pass_time(1e6)
    bystander.send(bystander.sender("invoices"), body("undisturbed"))

    assert bystander.texts() == ["undisturbed"]
