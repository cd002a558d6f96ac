"""The door for AMQP clients: bytes from the transport to the engine and back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from servicebus_emulator.amqp.states import ConnectionState
from servicebus_emulator.nodes.watch import Fate
from servicebus_emulator.server.wire import WireEnds

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
        self._piles_up = False
        self._opened = False
        self._closing = False
        self._is_silent = False
        self._ends: WireEnds | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client begin."""
        transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._transport = transport
        transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._peer = self._engine.connect(self)
        address = transport.get_extra_info("peername")
        if isinstance(address, tuple):
            self._peer.address = f"{address[0]}:{address[1]}"
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._patience, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Pass on."""
        if self._peer is None:
            return
        wire = self._engine.wire
        if wire is not None:
            self._wire_ends(self._peer).receive(wire, data)
        elif not self._is_silent:
            self._engine.receive(self._peer, data)

    def connection_lost(self, _: Exception | None) -> None:
        """The client is gone."""
        self._stop_waiting()
        if self._ends is not None:
            self._ends.close()
        if self._peer is not None:
            peer, self._peer = self._peer, None
            if self._engine.wire is not None:
                self._engine.wire.gone(peer)
            self._engine.disconnected(peer)

    def flush(self) -> None:
        """Write; close when the AMQP connection has ended."""
        peer, engine = self._peer, self._engine
        if peer is None or self._transport is None:
            return
        if engine.save is not None and not engine.save():
            peer.fate = Fate.DROP  # without an answer the client cannot take it for done
        if peer.fate is None and (data := peer.connection.data_to_send()):
            if engine.wire is None:
                self._write(data)
            else:
                self._wire_ends(peer).write(engine.wire, data)
        if peer.fate is not None:
            self._meet(peer.fate, self._transport)
            return
        if peer.unsent and peer.written_out():
            engine.schedule_turn()
        if not self._opened or peer.connection.state is not ConnectionState.OPENED:
            self._follow(peer, self._transport)

    def _follow(self, peer: Peer, transport: asyncio.Transport) -> None:
        """Do as the state of the connection asks."""
        if peer.connection.finished:
            if self._ends is None or self._ends.is_empty:
                transport.close()
        elif peer.opened and not self._opened:
            self._opened = True
            self._restart_beat()
        elif peer.connection.closing and not self._closing:
            self._closing = True  # it ends some time after our close, answered or not
            self._restart_beat()

    def pause_writing(self) -> None:
        """The client does not read what it is sent: send no more."""
        self._piles_up = True
        if self._peer is not None:
            self._engine.set_reading(self._peer, reads=False)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._piles_up = False
        if not self._reading and not self._is_silent and self._transport is not None:
            self._reading = True
            self._transport.resume_reading()
        if self._peer is not None:
            self._engine.set_reading(self._peer, reads=True)

    def _receive(self, data: bytes) -> None:
        if self._peer is not None and not self._is_silent:
            self._engine.receive(self._peer, data)

    def _wire_ends(self, peer: Peer) -> WireEnds:
        if self._ends is None:
            self._ends = WireEnds(peer, self._receive, self._write_delayed)
        return self._ends

    def _write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if (
            self._piles_up
            and self._reading
            and self._transport.get_write_buffer_size() > _STOP_READING
        ):
            self._reading = False
            self._transport.pause_reading()

    def _write_delayed(self, data: bytes) -> None:
        """Write what has arrived at this end of a slow wire."""
        self._write(data)
        if self._peer is not None and self._peer.connection.finished:
            self.flush()

    def _meet(self, fate: Fate, transport: asyncio.Transport) -> None:
        """Let happen to the transport what somebody wants to happen to it."""
        if fate is Fate.DROP:
            transport.abort()
        elif not self._is_silent:
            self._is_silent = True
            self._stop_waiting()
            transport.pause_reading()

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
