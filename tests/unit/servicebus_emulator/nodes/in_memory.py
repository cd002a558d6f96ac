"""A namespace with clients, joined in memory: what a client writes, the container reads."""

import itertools
import uuid
from typing import TYPE_CHECKING, Any, TypeVar

from servicebus_emulator.amqp import events, message, sections
from servicebus_emulator.amqp.connection import Connection
from servicebus_emulator.amqp.errors import AmqpError
from servicebus_emulator.amqp.link import Link
from servicebus_emulator.amqp.message import BareMessage, Properties
from servicebus_emulator.amqp.outcomes import DeliveryState
from servicebus_emulator.amqp.performatives import RECEIVER, SENDER, Source, Target
from servicebus_emulator.amqp.types import Described
from servicebus_emulator.broker.access import AccessKey, Right
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.limits import Limits
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.nodes.container import Container
from servicebus_emulator.nodes.idleness import IdleLimits
from servicebus_emulator.nodes.sas import ROOT_KEY, KeyRing

if TYPE_CHECKING:
    from servicebus_emulator.nodes.peer import Peer

Kind = TypeVar("Kind")
LISTENER = AccessKey("listener", "secret", Right.LISTEN)


def body(text: str) -> bytes:
    return message.encode_bare(BareMessage(Properties(message_id=text), data=[text.encode()]))


def text_of(payload: bytes) -> str:
    return b"".join(message.decode_bare(sections.split(payload).bare).data).decode()


class World:
    """A container whose time stands still until it is told otherwise."""

    def __init__(
        self,
        *,
        idle_limits: IdleLimits | None = None,
        limits: Limits | None = None,
        **queues: dict[str, Any],
    ) -> None:
        numbers = itertools.count(1)
        self.now = self.real_now = 1000.0
        self.new_id = lambda: uuid.UUID(int=next(numbers))
        self.namespace = Namespace(self.new_id, limits=limits)
        for name, properties in (queues or {"orders": {}}).items():
            description = QueueDescription(**properties)
            self.namespace.create_queue(name, description, now=self.now)
        keys = KeyRing([ROOT_KEY, LISTENER])
        self.container = Container(self.namespace, keys, "world", self.new_id, idle_limits)
        self.clients: dict[Peer, Client] = {}
        self.received: list[bytes] = []  # all that clients have sent, piece by piece

    def queue(self, path: str = "orders") -> Queue:
        return self.namespace.resolve_queue(path)

    def turn(self) -> None:
        """Carry bytes to and fro until nobody has anything to say."""
        moved = True
        while moved:
            moved = False
            for client in tuple(self.clients.values()):
                if data := client.connection.data_to_send():
                    self.received.append(data)
                    self.container.receive(client.peer, data, self.now, self.real_now)
                    moved = True
            self.container.turn(self.now)
            for peer in self.container.take_touched():
                moved |= self.clients[peer].hear()

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.container.expire(self.now)
        self.turn()


class Client:
    """A connection to the world with one session; authenticated by name and key."""

    def __init__(
        self, world: World, key: AccessKey = ROOT_KEY, password: str | None = None
    ) -> None:
        self.world = world
        credentials = (key.name, key.key if password is None else password)
        self.connection = Connection(
            "client", "client", now=0.0, mechanism="PLAIN", credentials=credentials
        )
        self.peer = world.container.connect(world.real_now)
        world.clients[self.peer] = self
        self.events: list[events.Event] = []
        self.tags = itertools.count()
        world.turn()
        if password is None:
            self.session = self.connection.begin()
            world.turn()

    def hear(self) -> bool:
        if self.peer.fate is not None:
            return False
        data = self.peer.connection.data_to_send()
        more = self.peer.written_out()
        self.connection.receive_data(data, 0.0)
        while self.connection.events:
            self.events.append(self.connection.events.popleft())
        return bool(data) or more

    def sender(self, queue: str = "orders", target: Target | Described | None = None) -> Link:
        link = self.session.attach(
            f"to-{queue}-{next(self.tags)}",
            SENDER,
            source=Source("client"),
            target=target or Target(queue),
            snd_settle_mode=0,
        )
        self.world.turn()
        return link

    def receiver(
        self,
        queue: str = "orders",
        credit: int = 0,
        *,
        settled: bool = False,
        reply_to: str = "client",
        filters: dict[Any, Any] | None = None,
        properties: dict[Any, Any] | None = None,
    ) -> Link:
        link = self.session.attach(
            f"from-{queue}-{next(self.tags)}",
            RECEIVER,
            source=Source(queue, filter=filters),
            target=Target(reply_to),
            snd_settle_mode=1 if settled else 0,
            properties=properties,
        )
        self.world.turn()
        if credit:
            link.grant(credit)
            self.world.turn()
        return link

    def send(self, link: Link, payload: bytes, **fields: Any) -> None:
        link.send(payload, delivery_tag=next(self.tags).to_bytes(4, "big"), **fields)
        self.world.turn()

    def settle(
        self, delivery: events.DeliveryReceived, state: DeliveryState
    ) -> DeliveryState | None:
        """Decide about a delivery as the SDKs do; gives the answer to it."""
        delivery.link.settle(delivery.delivery_id, outcome=state, settled=False)
        self.world.turn()
        [answer] = self.taken(events.DispositionReceived)
        assert answer.settled
        return answer.outcome

    def taken(self, kind: type[Kind]) -> list[Kind]:
        """The events of a kind since the last call."""
        taken: list[Kind] = [event for event in self.events if isinstance(event, kind)]
        self.events = [event for event in self.events if not isinstance(event, kind)]
        return taken

    def deliveries(self) -> list[events.DeliveryReceived]:
        return self.taken(events.DeliveryReceived)

    def texts(self) -> list[str]:
        return [text_of(delivery.payload) for delivery in self.deliveries()]

    def outcomes(self) -> list[DeliveryState | None]:
        return [event.outcome for event in self.taken(events.DispositionReceived)]

    def detached(self) -> AmqpError | None:
        """The error with which the one link that ended was ended."""
        [event] = self.taken(events.LinkDetached)
        return event.error
