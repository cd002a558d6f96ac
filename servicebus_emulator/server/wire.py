"""The way between a transport and an AMQP connection, where bytes can be seen, delayed and lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.server.delay_line import DelayLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.control.wire_faults import Wire
    from servicebus_emulator.nodes.peer import Peer


class WireEnds:
    """One connection's two directions.

    Args:
        peer: Whose connection.
        receive: Takes bytes that have arrived from the client.
        write: Takes bytes that have arrived at the transport.
    """

    def __init__(
        self, peer: Peer, receive: Callable[[bytes], None], write: Callable[[bytes], None]
    ) -> None:
        self._peer = peer
        self._receive = receive
        self._write = write
        self._incoming = DelayLine(receive)
        self._outgoing = DelayLine(write)

    @property
    def is_empty(self) -> bool:
        """Nothing is on its way to the client."""
        return self._outgoing.is_empty

    def receive(self, wire: Wire, data: bytes) -> None:
        """Bytes have left the client."""
        wire.incoming(self._peer, data)
        _pass(self._incoming, self._receive, data, wire.delay(self._peer))

    def write(self, wire: Wire, data: bytes) -> None:
        """Bytes leave for the client."""
        _pass(self._outgoing, self._write, wire.outgoing(self._peer, data), wire.delay(self._peer))

    def close(self) -> None:
        """Lose what is on its way."""
        self._incoming.close()
        self._outgoing.close()


def _pass(line: DelayLine, deliver: Callable[[bytes], None], data: bytes, delay: float) -> None:
    if delay or not line.is_empty:
        line.send(data, delay)
    else:
        deliver(data)
