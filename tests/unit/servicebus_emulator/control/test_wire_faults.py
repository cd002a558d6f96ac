import random
from collections.abc import Callable

import pytest

from servicebus_emulator.amqp.connection import Connection
from servicebus_emulator.amqp.framing import AMQP_HEADER, encode_frame
from servicebus_emulator.control.faults import Fault, Faults
from servicebus_emulator.control.wire_faults import WireFaults
from servicebus_emulator.nodes.peer import Peer
from servicebus_emulator.nodes.watch import Fate

FRAMES = [AMQP_HEADER, encode_frame(b"first"), encode_frame(b""), encode_frame(b"second")]
DATA = b"".join(FRAMES)


def new_chance(seed: int | None) -> Callable[[], float]:
    return random.Random(seed).random


@pytest.fixture
def faults() -> Faults:
    return Faults(new_chance)


@pytest.fixture
def wire(faults: Faults) -> WireFaults:
    return WireFaults(faults)


@pytest.fixture
def peer() -> Peer:
    return Peer(Connection("server", "c", now=0.0), 0.0)


def test_without_faults_bytes_arrive_at_once(wire: WireFaults, peer: Peer) -> None:
    assert (wire.outgoing(peer, DATA), wire.delay(peer)) == (DATA, 0.0)


@pytest.mark.parametrize("action", ["drop", "half-open"])
@pytest.mark.parametrize("count", range(4))
def test_a_connection_breaks_after_so_many_frames(
    faults: Faults, wire: WireFaults, peer: Peer, count: int, action: str
) -> None:
    faults.add(Fault("frame", action, after=count))

    assert wire.outgoing(peer, DATA) == b"".join(FRAMES[:count])
    assert peer.fate is Fate(action)


def test_frames_are_counted_from_one_write_to_the_next(
    faults: Faults, wire: WireFaults, peer: Peer
) -> None:
    faults.add(Fault("frame", "drop", after=5))

    assert [wire.outgoing(peer, DATA) for _ in range(2)] == [DATA, AMQP_HEADER]


def test_a_corrupt_frame_differs_in_one_byte(faults: Faults, wire: WireFaults, peer: Peer) -> None:
    faults.add(Fault("frame", "corrupt", after=1, times=1, seed=3))
    arrived = wire.outgoing(peer, DATA)
    changed = [
        at for at, (was, became) in enumerate(zip(DATA, arrived, strict=True)) if was != became
    ]

    assert len(changed) == 1
    assert len(AMQP_HEADER) <= changed[0] < len(AMQP_HEADER) + len(FRAMES[1])


def test_bytes_take_their_time(faults: Faults, wire: WireFaults, peer: Peer) -> None:
    peer.container_id = "slow"
    faults.add(Fault("network", "delay", connection="slow", delay=0.5, times=1))
    faults.add(Fault("frame", "drop", connection="other"))

    assert [wire.delay(peer), wire.delay(peer)] == [0.5, 0.0]
    assert wire.outgoing(peer, DATA) == DATA
