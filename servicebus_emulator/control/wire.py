"""What the server asks about bytes on their way between transports and AMQP connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from servicebus_emulator.nodes.peer import Peer


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
