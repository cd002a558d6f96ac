import asyncio

from servicebus_emulator.amqp.connection import Connection
from servicebus_emulator.nodes.peer import Peer
from servicebus_emulator.server.wire import WireEnds


class Slow:
    """A wire on which each chunk takes the next of the given times."""

    def __init__(self, *delays: float) -> None:
        self.delays = list(delays)
        self.seen: list[bytes] = []

    def incoming(self, _: Peer, data: bytes, /) -> None:
        self.seen.append(data)

    def gone(self, _: Peer, /) -> None:
        """Nothing is kept."""

    def delay(self, _: Peer, /) -> float:
        return self.delays.pop(0)

    def outgoing(self, _: Peer, data: bytes, /) -> bytes:
        return data.upper()


class Ends:
    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.written: list[bytes] = []
        self.arrived = asyncio.Event()
        peer = Peer(Connection("server", "c", now=0.0), 0.0)
        self.ends = WireEnds(peer, self.received.append, self.write)

    def write(self, data: bytes) -> None:
        self.written.append(data)
        if len(self.written) == 2:
            self.arrived.set()


async def test_without_delay_bytes_pass_at_once() -> None:
    both, wire = Ends(), Slow(0, 0)
    both.ends.receive(wire, b"in")
    both.ends.write(wire, b"out")

    assert (both.received, both.written, both.ends.is_empty) == ([b"in"], [b"OUT"], True)
    assert wire.seen == [b"in"]


async def test_nothing_overtakes_what_is_delayed() -> None:
    both, wire = Ends(), Slow(0.001, 0, 0.001, 0)
    both.ends.receive(wire, b"a")
    both.ends.receive(wire, b"b")
    both.ends.write(wire, b"c")
    both.ends.write(wire, b"d")
    early = (list(both.received), list(both.written), both.ends.is_empty)
    await both.arrived.wait()

    assert early == ([], [], False)
    assert (both.received, both.written) == ([b"a", b"b"], [b"C", b"D"])


async def test_what_is_on_its_way_is_lost_with_the_connection() -> None:
    both, wire = Ends(), Slow(0.001, 0.001)
    both.ends.receive(wire, b"a")
    both.ends.write(wire, b"b")
    both.ends.close()

    assert both.ends.is_empty
