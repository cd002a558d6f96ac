"""What is fuzzed, and what must hold whatever comes.

A target takes an input and returns what it saw, by which the fuzzer knows an input that is worth
keeping. It raises `AssertionError`, or whatever else, when the emulator did what it must not do.
"""

import functools
import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from servicebus_emulator.broker.errors import BrokerError
from servicebus_emulator.broker.facts import Facts, FilterError
from servicebus_emulator.broker.rules import SqlAction, SqlFilter
from servicebus_emulator.clock import ManualClock
from servicebus_emulator.control.trace import Trace
from servicebus_emulator.nodes.container import MAX_FRAME_SIZE
from servicebus_emulator.server.blueprint import Blueprint
from servicebus_emulator.server.control import Control
from servicebus_emulator.server.http_answers import HttpAnswers
from servicebus_emulator.server.http_parser import (
    MAX_BODY_SIZE,
    MAX_HEAD_SIZE,
    BadRequestError,
    HttpParser,
)
from servicebus_emulator.server.http_responses import encode
from servicebus_emulator.server.websocket_frames import FrameDecoder, WebSocketError
from tests.property.fuzzing import seeds
from tests.property.fuzzing.mutations import units
from tests.unit.servicebus_emulator.nodes.in_memory import Client, World, body

Sight = frozenset[str]
_ERROR = re.compile(r"condition='[^']*'(, description=.{0,60})?")
_VARIABLE = re.compile(r"'[^']*'\S*|\d+")
_MOST_ANSWERED = 8 * 1024 * 1024


@dataclass(frozen=True)
class Target:
    """Something that is fuzzed.

    Attributes:
        run: Takes an input, returns what was seen.
        seeds: Good inputs to begin with.
        framed: Inputs are streams of AMQP frames.
    """

    run: Callable[[bytes], Sight]
    seeds: Callable[[], Iterable[bytes]]
    framed: bool = False


def amqp(data: bytes) -> Sight:
    """A client's bytes: nothing is raised, everything is bounded, and a bystander is well."""
    world = World(orders={}, invoices={})
    world.namespace.create_topic("news", now=world.now).create_subscription("all", now=world.now)
    bystander = Client(world)
    bystander.receiver("invoices", credit=1)
    victim = _Victim(world)
    for unit in units(data):
        victim.say(unit)
    world.pass_time(1e6)
    victim.leave()
    bystander.send(bystander.sender("invoices"), body("undisturbed"))
    assert bystander.texts() == ["undisturbed"], "a bystander was disturbed"
    return frozenset(victim.seen)


class _Victim:
    """The client whose bytes are spoilt."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.seen: set[str] = set()
        self.peer = world.container.connect(world.real_now)
        self.answered = 0
        self.trace = Trace(self._see)
        world.clients[self.peer] = _Deaf(self)  # type: ignore[assignment] # hears like a client

    def say(self, data: bytes) -> None:
        connection = self.peer.connection
        self.trace.incoming(self.peer, data)
        self.world.container.receive(self.peer, data, self.world.now, self.world.real_now)
        self.world.turn()
        reader = connection._reader
        assert reader._later_size <= max(MAX_FRAME_SIZE, len(data)), "bytes pile up unread"
        assert self.answered < _MOST_ANSWERED, "far too much is answered"

    def hear(self) -> bool:
        data = self.peer.connection.data_to_send()
        self.answered += len(data)
        self.trace.outgoing(self.peer, data)
        return self.peer.written_out()

    def leave(self) -> None:
        connection = self.peer.connection
        self.world.container.disconnected(self.peer, self.world.now)
        del self.world.clients[self.peer]
        assert connection.finished, "a connection outlives its transport"
        assert not self.peer.ends, "a link outlives its connection"

    def _see(self, line: str) -> None:
        """Remember what was told without its numbers: the kinds of frames and their errors."""
        _, _, text = line.partition("] ")
        direction, _, frame = text.partition(" ")
        error = _ERROR.search(frame)
        if error is None:
            self.seen.add(f"{direction} {frame.partition(' ')[0]}")
        else:
            told = error[0].split("'")[1] + _VARIABLE.sub("", (error[1] or "").partition("=")[2])
            self.seen.add(f"{direction} {frame.partition(' ')[0]} {told}")


_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE"}


class _Deaf:
    """A client as `World` knows one: it hears, and says nothing by itself."""

    def __init__(self, victim: _Victim) -> None:
        self.peer = victim.peer
        self.connection = _Silence()
        self.hear = victim.hear


class _Silence:
    def data_to_send(self) -> bytes:
        return b""


@functools.cache
def _answers() -> tuple[World, HttpAnswers]:
    world = World(orders={})
    clock = ManualClock(start=1000.0)
    control = Control(world.container, world.namespace, Blueprint(), clock, lambda: None)
    answers = HttpAnswers(world.namespace, seeds.KEYS, clock, lambda: None, control)
    return world, answers


def http(data: bytes) -> Sight:
    """A client's requests: refused or answered, never failed."""
    _, answers = _answers()
    parser, seen = HttpParser(), set[str]()
    try:
        for at in range(0, len(data), 1000):
            parser.receive_data(data[at : at + 1000])
            while (request := parser.next_request()) is not None:
                response = answers(request)
                assert response.status != 500, response.body
                encode(response, request.method, close=False)
                method = request.method if request.method in _METHODS else "another"
                seen.add(f"{method} {response.status} {len(request.body).bit_length()}")
            assert len(parser._buffer) <= MAX_HEAD_SIZE + MAX_BODY_SIZE + 1000
    except BadRequestError as fault:
        seen.add(f"{fault.status} {_kind_of(fault)}")
    return frozenset(seen)


def websocket(data: bytes) -> Sight:
    """A client's frames: payload comes out, or the protocol is broken."""
    decoder, seen, size = FrameDecoder(), set[str](), 0
    try:
        for at in range(0, len(data), 7):
            decoder.feed(data[at : at + 7])
            while (piece := decoder.next_piece()) is not None:
                size += len(piece.data)
                seen.add(f"{piece.opcode} {len(piece.data).bit_length()}")
            assert len(decoder._buffer) <= 14 + 125 + 7, "frames pile up"
    except WebSocketError as fault:
        seen.add(f"{fault.code} {fault}")
    assert size <= len(data)
    return frozenset(seen)


def sql(data: bytes) -> Sight:
    """A filter or an action: refused in the broker's words, or carried out, or a `FilterError`."""
    text, seen = data.decode("utf-8", "replace"), set[str]()
    facts = Facts(uuid.uuid4, {"Subject": "s", "Size": 3}, {"a": 1, "b": "x", "c": 1.5, "d": True})
    try:
        seen.add(f"selects {SqlFilter(text).selects(facts)}")
    except (BrokerError, FilterError) as fault:
        seen.add(_kind_of(fault))
    try:
        SqlAction(text).apply(facts)
        seen.add(f"applied {sorted(facts.system_changes)} {len(facts.user_changes)}")
    except (BrokerError, FilterError) as fault:
        seen.add(_kind_of(fault))
    return frozenset(seen)


def _kind_of(fault: Exception) -> str:
    """An error without what differs from one input to the next."""
    words = [word for word in str(fault).split() if word.isalpha()]
    return f"{type(fault).__name__} {' '.join(words[:4])}"


TARGETS = {
    "amqp": Target(amqp, seeds.conversations, framed=True),
    "http": Target(http, seeds.requests),
    "websocket": Target(websocket, seeds.frames),
    "sql": Target(sql, seeds.filters),
}
