"""A broker in the event loop's own memory, for drivers that are made for event loops.

The loop's time is virtual, so that no machine is too slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import time
import uuid
from typing import TYPE_CHECKING, Any

from celery_azure.amqp.aio import AsyncDriver
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.errors import EntityAlreadyExists
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.nodes.container import Container
from servicebus_emulator.nodes.sas import ROOT_KEY, KeyRing
from tests.unit.celery_azure.virtual_time import VirtualTime
from tests.unit.servicebus_emulator.server.memory_transport import MemoryTransport

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.nodes.peer import Peer


class LoopBroker:
    """Stands where a loop would connect to; has the queue `jobs`.

    Attributes:
        lines: The connections that were made, in order.
        refusal: Raised instead of connecting, where it is set.
        cut_after: After so many writes of the client the first connection is cut.
        dialed: Set when somebody has begun to connect.
        answers: Who connects waits until it is set.
    """

    def __init__(self, monkeypatch: Any) -> None:
        numbers = itertools.count(1)
        self.namespace = Namespace(lambda: uuid.UUID(int=next(numbers)))
        self.create_queue("jobs")
        self.container = Container(
            self.namespace, KeyRing([ROOT_KEY]), "here", lambda: uuid.UUID(int=next(numbers))
        )
        self.lines: list[Line] = []
        self.refusal: Exception | None = None
        self.cut_after: int | None = None
        self.dialed, self.answers = asyncio.Event(), asyncio.Event()
        self.answers.set()
        monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", self._connect)
        monkeypatch.setattr(AsyncDriver, "now", staticmethod(VirtualTime(monkeypatch).now))

    def create_queue(self, name: str) -> None:
        """Create a queue, if it is missing."""
        with contextlib.suppress(EntityAlreadyExists):
            self.namespace.create_queue(name, QueueDescription(), now=now())

    def bodies(self, queue: str = "jobs") -> int:
        """How many messages are in a queue."""
        return int(self.namespace.get_queue(queue).counts(now()).active)

    async def _connect(
        self, make: Callable[[], asyncio.Protocol], host: str, port: int, ssl: Any = None
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        del host, port, ssl
        self.dialed.set()
        await asyncio.sleep(0)
        await self.answers.wait()
        if self.refusal is not None:
            raise self.refusal
        protocol = make()
        line = Line(self, protocol)
        self.lines.append(line)
        protocol.connection_made(line)
        return line, protocol


class Line(MemoryTransport):
    """The client's end of a connection."""

    def __init__(self, broker: LoopBroker, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self._broker = broker
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._is_told = False
        self.peer: Peer = broker.container.connect(now())

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Let the broker work on it, and answer in a later turn of the loop."""
        super().write(data)
        broker = self._broker
        if self.closed:
            return
        if self is broker.lines[0] and self.writes == broker.cut_after:
            self.cut()
            return
        broker.container.receive(self.peer, bytes(data), now(), now())
        broker.container.turn(now())
        for peer in broker.container.take_touched():
            answer = peer.connection.data_to_send()
            peer.written_out()
            if answer and peer is self.peer:
                self._loop.call_soon(self.say, answer)

    def say(self, data: bytes) -> None:
        """Let the client hear something."""
        if not self.closed:
            self._protocol.data_received(data)

    def cut(self) -> None:
        """The network has gone."""
        self.closed = True
        self._broker.container.disconnected(self.peer, now())
        self._tell(ConnectionResetError("cut"))

    def close(self) -> None:
        super().close()
        self._tell(None)

    def abort(self) -> None:
        super().abort()
        self._tell(None)

    def _tell(self, reason: Exception | None) -> None:
        if not self._is_told:
            self._is_told = True
            self._loop.call_soon(self._protocol.connection_lost, reason)


def now() -> float:
    return time.time()  # noqa: TID251 - tokens are good until a moment of the wall clock
