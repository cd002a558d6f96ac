"""An engine and the emulator's container, joined in memory; time moves when it is told to."""

from __future__ import annotations

import itertools
import uuid
from typing import TYPE_CHECKING, Any

from celery_azure.amqp.engine import TICK_SECONDS, Engine
from celery_azure.amqp.messages import Message
from celery_azure.amqp.receiver import Receiver
from celery_azure.amqp.requests import Requests
from celery_azure.amqp.sender import Outgoing, Sender
from celery_azure.tokens import SharedAccessTokens
from servicebus_emulator.broker.access import AccessKey, Right
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.control.fault_desk import FaultDesk
from servicebus_emulator.control.faults import Fault
from servicebus_emulator.nodes.container import Container
from servicebus_emulator.nodes.sas import ROOT_KEY, KeyRing
from servicebus_emulator.nodes.watch import Fate

if TYPE_CHECKING:
    from celery_azure.amqp.frames import AmqpError
    from celery_azure.amqp.settlement import Delivery, Settlement
    from servicebus_emulator.control.faults import Injected
    from servicebus_emulator.nodes.idleness import IdleLimits
    from servicebus_emulator.nodes.peer import Peer

LISTENER = AccessKey("listener", "secret", Right.LISTEN)
START = 1_800_000_000.0


class World:
    """One client of a namespace with the queue `jobs`."""

    def __init__(
        self, key: AccessKey = ROOT_KEY, idle_limits: IdleLimits | None = None, **queue: Any
    ) -> None:
        numbers = itertools.count(1)
        self.now = START
        self.wall_offset = 0.0
        self.namespace = Namespace(lambda: uuid.UUID(int=next(numbers)))
        self.namespace.create_queue("jobs", QueueDescription(**queue), now=self.now)
        keys = KeyRing([ROOT_KEY, LISTENER])
        self.container = Container(
            self.namespace, keys, "world", lambda: uuid.UUID(int=next(numbers)), idle_limits
        )
        self.desk = FaultDesk(self.container, self.namespace, lambda _: lambda: 0.5)
        self.engine = Engine("world", "client", lambda: 0.5, wall_offset=lambda: self.wall_offset)
        self.tokens = SharedAccessTokens(key.name, key.key, clock=lambda: self.now)
        self.peer: Peer | None = None
        self.is_reachable = True
        self.hears = True
        self.sent: list[bytes] = []
        self.outages: list[str] = []
        self.engine.on_outage = lambda error: self.outages.append(error.condition)
        self.engine.on_recovery = lambda: self.outages.append("over")

    @property
    def queue(self) -> Any:
        return self.namespace.resolve("jobs")

    # -- time and bytes --------------------------------------------------------------------------

    def turn(self) -> None:
        """Carry bytes to and fro until nobody has anything to say."""
        engine = self.engine
        while True:
            if engine.connect_at is not None and engine.connect_at <= self.now:
                self._connect()
            wanted, engine.token_wanted = engine.token_wanted, []
            for entity in wanted:
                engine.put_token(entity, *self.tokens.get(engine.audience(entity)), self.now)
            data = engine.take_output()
            if data and self.peer is not None:
                self.sent.append(data)
                self.container.receive(self.peer, data, self.now, self.now)
            self.container.turn(self.now)
            if self.peer is not None and self.peer.fate is Fate.DROP:
                self.cut()
                continue
            moved = bool(data)
            for peer in self.container.take_touched():
                answer = peer.connection.data_to_send()
                moved |= peer.written_out() or bool(answer)
                if answer and peer is self.peer and self.hears:
                    engine.receive(answer, self.now)
            if not moved:
                return

    def pass_time(self, seconds: float) -> None:
        """Let time pass in ticks, as a driver would."""
        until = self.now + seconds
        while self.now < until:
            self.now = min(until, self.now + TICK_SECONDS)
            self.container.expire(self.now)
            self._heartbeat()
            self.engine.expire(self.now)
            self.turn()

    def _heartbeat(self) -> None:
        """Let the peer keep us awake, which its driver would see to."""
        if self.peer is not None:
            self.peer.connection.handle_deadline(self.now)
            data = self.peer.connection.data_to_send()
            if data and self.hears:
                self.engine.receive(data, self.now)

    def inject(self, operation: str, action: str, **fields: Any) -> Injected:
        """Let something go wrong."""
        injected = self.desk.add(Fault(operation, action, **fields), self.now)
        self.turn()
        return injected

    def cut(self) -> None:
        """The socket is gone."""
        assert self.peer is not None
        self.container.disconnected(self.peer, self.now)
        self.peer = None
        self.hears = True
        self.engine.lost("cut", self.now)

    def _connect(self) -> None:
        if not self.is_reachable:
            self.engine.lost("refused", self.now)
            return
        self.peer = self.container.connect(self.now)
        self.engine.begin(self.now)

    # -- what tests do ---------------------------------------------------------------------------

    def sender(self, entity: str = "jobs") -> Sender:
        sender = Sender(entity)
        self.engine.watch(sender)
        self.engine.add(sender, self.now)
        self.turn()
        return sender

    def receiver(self, limit: int = 10, *, locks: bool = True) -> Receiver:
        management = Requests("jobs", "jobs/$management") if locks else None
        receiver = Receiver(self.engine, "jobs", management=management, on_message=lambda: None)
        receiver.set_limit(limit)
        self.engine.add(receiver, self.now)
        self.engine.watch(receiver)
        if management is not None:
            self.engine.add_requests(management, self.now)
        self.turn()
        return receiver

    def submit(self, sender: Sender, *texts: str, timeout: float = 10.0) -> Fates:
        """Hand over messages that wait together."""
        fates = Fates()
        for text in texts:
            payload = Message(text.encode(), message_id=text).to_bytes()
            fates.wait_for(sender, text, payload, self.now + timeout)
        sender.pump(self.now)
        return fates

    def put(self, *texts: str) -> None:
        """Put messages into the queue."""
        sender = self.sender()
        self.submit(sender, *texts)
        self.turn()
        self.engine.remove(sender)
        self.turn()


class Fates(dict[str, "AmqpError | None"]):
    """What became of each message."""

    def wait_for(self, sender: Sender, text: str, payload: bytes, due: float) -> None:
        sender.submit(Outgoing(payload, due, lambda error: self.__setitem__(text, error)))

    @property
    def accepted(self) -> list[str]:
        return [text for text, error in self.items() if error is None]

    @property
    def conditions(self) -> dict[str, str]:
        return {text: error.condition for text, error in self.items() if error is not None}


class Settled(list[tuple[str, "str | None"]]):
    """What the broker has said to settlements."""

    def __call__(self, delivery: Delivery, settlement: Settlement, error: AmqpError | None) -> None:
        del delivery
        self.append((settlement.verb, None if error is None else error.condition))
