"""The door for AMQP clients: bytes from the transport to the engine and back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from servicebus_emulator.nodes.peer import Peer
    from servicebus_emulator.server.engine import Engine

HANDSHAKE_SECONDS = 30.0
_HIGH_WATER = 256 * 1024  # more unread than this, and nothing is delivered to the client
_STOP_READING = 4 * 1024 * 1024  # more than this, and nothing is read from it either


class AmqpDoor(asyncio.Protocol):
    """One AMQP connection.

    Args:
        engine: Knows what to do with the bytes.
        patience: Seconds in which the client has to send its open.
    """

    def __init__(self, engine: Engine, *, patience: float = HANDSHAKE_SECONDS) -> None:
        self._engine = engine
        self._patience = patience
        self._transport: asyncio.Transport | None = None
        self._peer: Peer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reading = True
        self._opened = False
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client begin."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 (narrows the stream's type)
        self._transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._peer = self._engine.connect(self)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._patience, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self._peer is not None:
            self._engine.receive(self._peer, data)

    def connection_lost(self, _: Exception | None) -> None:
        """The client is gone."""
        self._stop_waiting()
        if self._peer is not None:
            peer, self._peer = self._peer, None
            self._engine.disconnected(peer)

    def flush(self) -> None:
        """Write; close when the AMQP connection has ended."""
        if self._peer is None or self._transport is None:
            return
        data = self._peer.connection.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)
            if self._reading and self._transport.get_write_buffer_size() > _STOP_READING:
                self._reading = False
                self._transport.pause_reading()
        if self._peer.written_out():
            self._engine.schedule_turn()
        if self._peer.connection.finished:
            self._transport.close()
        elif self._peer.opened and not self._opened:
            self._opened = True
            self._restart_beat()
        elif self._peer.connection.closing and not self._closing:
            self._closing = True  # it ends some time after our close, answered or not
            self._restart_beat()

    def pause_writing(self) -> None:
        """The client does not read what it is sent: send no more."""
        if self._peer is not None:
            self._engine.set_reading(self._peer, reads=False)

    def resume_writing(self) -> None:
        """The client reads again."""
        if not self._reading and self._transport is not None:
            self._reading = True
            self._transport.resume_reading()
        if self._peer is not None:
            self._engine.set_reading(self._peer, reads=True)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _restart_beat(self) -> None:
        self._stop_waiting()
        self._beat()

    def _beat(self) -> None:
        """Keep the connection alive for a client that asked for it in its open."""
        delay = self._engine.heartbeat(self._peer) if self._peer is not None else None
        if delay is not None:
            self._timer = asyncio.get_running_loop().call_later(delay, self._beat)
