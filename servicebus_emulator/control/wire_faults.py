"""Faults of the wire: frames that never arrive or arrive corrupted, bytes that take their time."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Protocol

from servicebus_emulator.amqp.framing import HEADER_SIZE
from servicebus_emulator.control.breakage import break_off
from servicebus_emulator.control.faults import Act

if TYPE_CHECKING:
    from servicebus_emulator.control.faults import Faults, Injected
    from servicebus_emulator.nodes.peer import Peer

_PROTOCOL_HEADER = b"AMQP"
_SIZE = struct.Struct(">I")


class Wire(Protocol):
    """What happens to bytes on their way, of all connections."""

    def incoming(self, peer: Peer, data: bytes, /) -> None:
        """Bytes have left a client."""

    def outgoing(self, peer: Peer, data: bytes, /) -> bytes:
        """What is left of bytes for a client; they begin and end with a frame."""

    def delay(self, peer: Peer, /) -> float:
        """Seconds that a chunk takes."""

    def gone(self, peer: Peer, /) -> None:
        """A client is gone."""


class WireFaults:
    """What happens to the bytes of AMQP connections."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    def incoming(self, peer: Peer, data: bytes) -> None:
        """Nothing happens to bytes of a client but that they take their time."""

    def gone(self, peer: Peer) -> None:
        """Nothing is kept about a client."""

    def delay(self, peer: Peer) -> float:
        """Seconds for which bytes of a client, or for it, are on their way."""
        if not self._faults.armed("network"):
            return 0.0
        injected = self._faults.strike(Act("network", peer.container_id))
        return 0.0 if injected is None else float(injected.fault.delay.draw(injected.chance))

    def outgoing(self, peer: Peer, data: bytes) -> bytes:
        """What is left of bytes for a client; they begin and end with a frame."""
        if not self._faults.armed("frame"):
            return data
        position = 0
        while position < len(data):
            end = position + _unit_size(data, position)
            injected = self._faults.strike(Act("frame", peer.container_id))
            if injected is not None and injected.fault.action == "corrupt":
                data = _corrupted(data, position, end, injected)
            elif injected is not None:
                break_off(peer, None, injected.fault, peer.real_now)
                return data[:position]
            position = end
        return data


def _unit_size(data: bytes, position: int) -> int:
    """Bytes of the frame or protocol header there."""
    if data.startswith(_PROTOCOL_HEADER, position):
        return HEADER_SIZE
    size: int = _SIZE.unpack_from(data, position)[0]
    return max(size, HEADER_SIZE)


def _corrupted(data: bytes, start: int, end: int, injected: Injected) -> bytes:
    """Invert the bits of one byte of a frame, wherever in it."""
    at = start + int(injected.chance() * (end - start))
    return data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :]
