"""The loop's side of the emulator: calls the container, writes what it wants written, keeps time.

After each piece of bytes of a client, the container delivers what there is, and each client that it
concerns is written to once. Where things are saved, this waits until all connections of one turn of
the event loop have been read, so that they are saved together. One timer waits for the next
deadline of all entities.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from servicebus_emulator.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.clock import Clock
    from servicebus_emulator.control.wire_faults import Wire
    from servicebus_emulator.nodes.container import Container
    from servicebus_emulator.nodes.peer import Peer


_PATIENCE_WITH_THE_DEAF = 1.0  # seconds until a client that does not read may read again


class Door(Protocol):
    """A connection that can be told to write what its peer has to say."""

    def flush(self) -> None:
        """Write; close when the AMQP connection has ended."""


class Engine:
    """Runs a container on the running event loop.

    Args:
        container: What is run.
        clock: The broker's time, which may be moved. Heartbeats and the expiry of tokens follow
            the system's clock instead, since clients live by it.

    Attributes:
        wire: What happens to bytes on their way; None for nothing.
        save: Writes down what has happened, and says whether it is; None where nothing is saved.
    """

    def __init__(self, container: Container, clock: Clock) -> None:
        self._container = container
        self._clock = clock
        self._system = SystemClock()
        self._loop = asyncio.get_running_loop()
        self.wire: Wire | None = None
        self.save: Callable[[], bool] | None = None
        self._doors: dict[Peer, Door] = {}
        self._turn_is_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_deadline: float | None = None
        self._end_listening: Callable[[], None] = clock.on_change(self._clock_moved)

    def stop(self) -> None:
        """End the timer and stop listening to the clock."""
        self._end_listening()
        self._set_timer(None)

    def connect(self, door: Door) -> Peer:
        """A client came through a door."""
        peer = self._container.connect(self._system.now())
        self._doors[peer] = door
        return peer

    def receive(self, peer: Peer, data: bytes) -> None:
        """Bytes of a client."""
        now = self._clock.now()
        self._container.receive(peer, data, now, self._system.now())
        if self._turn_is_due:
            return
        if self.save is not None:
            self.schedule_turn()
            return
        try:
            self._end_turn(now)
        except Exception as mistake:  # noqa: BLE001 - of one delivery, perhaps to somebody else
            self._loop.call_exception_handler({"message": "a turn failed", "exception": mistake})

    def disconnected(self, peer: Peer) -> None:
        """A client is gone."""
        del self._doors[peer]
        self._container.disconnected(peer, self._clock.now())
        self.schedule_turn()

    def set_reading(self, peer: Peer, *, reads: bool) -> None:
        """A client has stopped reading, or reads again."""
        peer.set_reading(reads=reads)
        self.schedule_turn()

    def heartbeat(self, peer: Peer) -> float | None:
        """Send an empty frame if one is due; seconds until the next, None for never."""
        now = self._system.now()
        if not (peer.reads or peer.connection.closing):
            return _PATIENCE_WITH_THE_DEAF  # signs of life would pile up
        peer.connection.handle_deadline(now)
        self._doors[peer].flush()
        deadline = peer.connection.next_deadline()
        return None if deadline is None else max(0.0, deadline - now)

    def schedule_turn(self) -> None:
        """Deliver and write once everything that has already arrived has been read."""
        if not self._turn_is_due:
            self._turn_is_due = True
            self._loop.call_soon(self._turn)

    def flush(self) -> None:
        """Write what clients have to be told, at once."""
        for peer in self._container.take_touched():
            door = self._doors.get(peer)
            if door is not None:
                door.flush()

    def _turn(self) -> None:
        self._turn_is_due = False
        self._end_turn(self._clock.now())

    def _end_turn(self, now: float) -> None:
        try:
            self._container.turn(now)
        finally:  # a mistake in one delivery must not silence everybody else
            self.flush()
            if self.save is not None:
                self.save()  # nobody may have to be told of what time has done
            deadline = self._container.next_deadline()
            if deadline != self._timer_deadline:
                self._set_timer(deadline)

    def _set_timer(self, deadline: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_deadline = None, deadline
        delay = None if deadline is None else self._clock.seconds_until(deadline)
        if delay is not None:
            self._timer = self._loop.call_later(delay, self.expire)

    def expire(self) -> None:
        """Let whatever has become due happen."""
        self._set_timer(None)
        self._container.expire(self._clock.now())
        self._turn()

    def _clock_moved(self) -> None:
        """In whichever thread moved it."""
        self._loop.call_soon_threadsafe(self.expire)
