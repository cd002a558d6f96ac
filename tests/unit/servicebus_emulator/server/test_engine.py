import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from servicebus_emulator.amqp.connection import Connection
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.clock import ManualClock, OffsetClock
from servicebus_emulator.nodes.container import Container
from servicebus_emulator.nodes.sas import ROOT_KEY, KeyRing
from servicebus_emulator.server.amqp_door import AmqpDoor
from servicebus_emulator.server.engine import Engine
from tests.unit.servicebus_emulator.server.memory_transport import MemoryTransport

if TYPE_CHECKING:
    from servicebus_emulator.broker.queue import Queue

CREDENTIALS = (ROOT_KEY.name, ROOT_KEY.key)


class House:
    """A container with a queue, run by an engine on the running loop."""

    def __init__(self, clock: ManualClock | OffsetClock | None = None) -> None:
        numbers = itertools.count(1)
        self.clock = clock or ManualClock(start=1000.0)

        def new_id() -> UUID:
            return UUID(int=next(numbers))

        namespace = Namespace(new_id)
        description = QueueDescription(lock_duration=30.0)
        self.queue: Queue = namespace.create_queue("orders", description, now=self.clock.now())
        self.container = Container(namespace, KeyRing(), "house", new_id)
        self.engine = Engine(self.container, self.clock)

    def lock_a_message(self) -> None:
        self.queue.send(Message("id", b"", 1), self.clock.now())
        self.queue.receive(ReceiveMode.PEEK_LOCK, self.clock.now())
        self.engine.schedule_turn()

    @property
    def failed_deliveries(self) -> int:
        [message] = self.queue.peek(1, 1, 0.0)
        return message.delivery_count


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    yield house
    house.engine.stop()


async def settled() -> None:
    """Whatever the loop has to do now is done; callbacks run in their order."""
    for _ in range(5):
        done = asyncio.Event()
        asyncio.get_running_loop().call_soon(done.set)
        await done.wait()


class Client:
    """A client behind a door of the house."""

    def __init__(self, house: House, *, patience: float = 60.0) -> None:
        self.house = house
        self.transport = MemoryTransport()
        self.door = AmqpDoor(house.engine, patience=patience)
        self.door.connection_made(self.transport)
        self.connection = Connection(
            "client", "c", now=0.0, mechanism="PLAIN", credentials=CREDENTIALS
        )

    async def talk(self) -> None:
        """Exchange bytes until both are silent."""
        while data := self.connection.data_to_send():
            self.door.data_received(data)
            await settled()
            self.connection.receive_data(self.transport.take(), 0.0)
            self.connection.events.clear()


async def test_moving_the_clock_lets_what_is_due_happen_at_once(house: House) -> None:
    house.lock_a_message()
    await settled()
    house.clock.advance(29.0)
    await settled()
    early = house.failed_deliveries
    house.clock.advance(1.0)
    await settled()

    assert (early, house.failed_deliveries) == (0, 1)


async def test_the_clock_may_be_moved_from_another_thread(house: House) -> None:
    house.lock_a_message()
    await asyncio.to_thread(house.clock.advance, 30.0)
    await settled()

    assert house.failed_deliveries == 1


async def test_a_clock_that_runs_needs_nobody_to_move_it() -> None:
    house = House(OffsetClock())
    house.lock_a_message()
    house.clock.advance(29.95)
    while not house.failed_deliveries:
        await settled()
    house.engine.stop()

    assert house.failed_deliveries == 1


async def test_a_stopped_engine_no_longer_follows_the_clock(house: House) -> None:
    house.lock_a_message()
    await settled()
    house.engine.stop()
    house.clock.advance(30.0)
    await settled()

    assert house.failed_deliveries == 0


async def test_a_client_that_opens_is_answered(house: House) -> None:
    client = Client(house)
    await client.talk()
    session = client.connection.begin()
    await client.talk()

    assert session.state.name == "MAPPED"


async def test_the_bytes_of_one_turn_are_written_at_once(house: House) -> None:
    client = Client(house)
    await client.talk()
    client.connection.begin()
    client.connection.begin()
    before = client.transport.writes
    await client.talk()

    assert client.transport.writes == before + 1


async def test_a_mistake_in_a_turn_is_reported_and_costs_nobody_the_connection(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(house)
    await client.talk()
    reported = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: reported.append(str(context["exception"]))
    )

    def fail(_: float) -> None:
        raise RuntimeError("a mistake")

    monkeypatch.setattr(house.container, "turn", fail)
    session = client.connection.begin()
    await client.talk()

    assert session.state.name == "MAPPED"
    assert reported == ["a mistake"]


async def test_a_client_that_closes_is_closed(house: House) -> None:
    client = Client(house)
    await client.talk()
    client.connection.close()
    await client.talk()

    assert client.transport.closed


async def test_a_client_that_does_not_open_is_let_go(house: House) -> None:
    client = Client(house, patience=0)
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(0.001, done.set)
    await done.wait()

    assert client.transport.aborted


async def test_a_client_that_is_gone_is_written_to_no_more(house: House) -> None:
    client = Client(house)
    await client.talk()
    client.door.connection_lost(None)
    client.door.data_received(b"late")
    client.door.flush()
    client.door.pause_writing()
    client.door.resume_writing()
    await settled()

    assert client.transport.take() == b""


async def test_a_client_that_does_not_read_is_marked_so_until_it_reads(house: House) -> None:
    client = Client(house)
    await client.talk()
    [peer] = house.container.peers
    client.door.pause_writing()
    paused = peer.can_take
    client.door.resume_writing()

    assert (paused, peer.can_take) == (False, True)


async def test_a_client_that_lets_very_much_pile_up_is_not_read_from(house: House) -> None:
    client = Client(house)
    await client.talk()
    client.transport.waiting = 100 * 1024 * 1024
    client.door.pause_writing()
    client.connection.begin()
    await client.talk()
    paused = client.transport.reading
    client.transport.waiting = 0
    client.door.resume_writing()

    assert (paused, client.transport.reading) == (False, True)


async def test_a_client_that_does_not_read_is_sent_no_signs_of_life(house: House) -> None:
    client = Client(house)
    await client.talk()
    [peer] = house.container.peers
    peer.connection._pulse.start(0, now=0.0)
    client.door.pause_writing()
    delay = house.engine.heartbeat(peer)
    deaf = client.transport.take()
    client.door.resume_writing()
    house.engine.heartbeat(peer)

    assert (delay, deaf) == (1.0, b"")
    assert client.transport.take() == b"\x00\x00\x00\x08\x02\x00\x00\x00"
