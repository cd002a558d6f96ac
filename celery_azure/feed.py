"""What has come in for the consumers of one connection, handed out in turn, queue after queue.

The thread that speaks with Service Bus fills the buffers; whoever drains events empties them. A
byte on a pair of sockets tells the one of the other, so that an event loop can wait for it.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_azure.amqp.receiver import Receiver
    from celery_azure.amqp.settlement import Delivery

_BUDGET_SECONDS = 0.02
"""For how long messages are handed out before an event loop gets its turn again."""


class Consumer(Protocol):
    """Who takes what comes from a queue."""

    receiver: Receiver

    def can_take(self) -> bool:
        """Whether one more message may be handed out."""

    def take(self, delivery: Delivery) -> bool:
        """Take it; False when it was none for this consumer."""

    def resume(self) -> None:
        """Let messages come again after some were given back."""


def _never() -> bool:
    return False


def _next(buffer: deque[Delivery]) -> Delivery | None:
    try:
        return buffer.popleft()
    except IndexError:  # or somebody else was quicker
        return None


class Feed:
    """Buffers and the signal that there is something in them."""

    def __init__(self) -> None:
        self._consumers: deque[Consumer] = deque()
        self._is_told = False
        self._loop: Any = None
        self._loop_thread = 0
        self._is_ending: Callable[[], bool] = _never
        self._is_due = False
        self._out: socket.socket | None = None
        self._in: socket.socket | None = None
        self._selector: Any = None

    def fileno(self) -> int:
        """What becomes readable when there is something to deliver."""
        return self._open().fileno()

    def _open(self) -> socket.socket:
        """Make the sockets when somebody waits for the first time; most connections only send."""
        if self._out is None:
            self._out, self._in = socket.socketpair()
            self._out.setblocking(False)
            self._in.setblocking(False)
            if self._is_told:
                self._in.send(b"\0")
        return self._out

    def add(self, consumer: Consumer) -> None:
        """Hand out to this one, too."""
        self._consumers.append(consumer)

    def remove(self, consumer: Consumer) -> None:
        """Hand out to it no more."""
        if consumer in self._consumers:
            self._consumers.remove(consumer)

    def join_loop(self, loop: Any, is_ending: Callable[[], bool] = _never) -> None:
        """Belong to kombu's event loop that runs in this thread.

        Once `is_ending`, the loop is handed nothing: what was not begun is given back.
        """
        self._loop, self._loop_thread = loop, threading.get_ident()
        self._is_ending = is_ending

    def look_again(self) -> None:
        """There is room for one more: hand out what waits for that; any thread may say so.

        In the loop's own thread, that is done when the loop comes to its timers, and costs no
        signal: before it waits, and after all of the acknowledgements that it has now.
        """
        is_loops = threading.get_ident() == self._loop_thread
        if is_loops and (self._is_told or self._is_due):
            return
        if not self.has_work:
            return
        if is_loops:
            self._is_due = True
            self._loop.call_at(0.0, self._on_timer)  # the first of the timers
        else:
            self.notify()

    def _on_timer(self) -> None:
        try:
            self.deliver()
        finally:
            self._is_due = False  # last: until then, there is somebody who looks

    def on_readable(self) -> None:
        """The signal was given, and the loop looks after it.

        While there is something, the signal stands, so that nobody needs to give it again.
        """
        if not self._hand_out():
            self.clear()
            self.deliver()

    def deliver(self) -> None:
        """Hand out what may be handed out, for a moment; the rest when the loop comes again."""
        if self._hand_out():
            self.notify()  # or the loop would wait, with work to do

    def _hand_out(self) -> bool:
        """Hand out for a moment; whether there may be more."""
        end = time.monotonic() + _BUDGET_SECONDS
        while time.monotonic() < end:
            self._catch_up()
            if self._is_ending() or not self.deliver_one():
                return False
        return True

    def _catch_up(self) -> None:
        """Do what Celery has left to the loop, which must not wait for another task.

        That is how it acknowledges a task that ran at once, in the loop's own thread.
        """
        loop = self._loop
        if loop is not None and loop._ready:  # noqa: SLF001 - kombu has no other way to tell
            calls = loop._pop_ready()  # noqa: SLF001
            try:
                while calls:
                    calls.pop()()
            finally:
                for call in calls:  # one of them has failed: the loop makes the others
                    loop.call_soon(call)

    def notify(self) -> None:
        """Say that there may be something; any thread may."""
        if not self._is_told:
            self._is_told = True
            if self._in is not None:
                with contextlib.suppress(OSError):  # closed
                    self._in.send(b"\0")

    def clear(self) -> None:
        """Take the signal back, before looking into the buffers."""
        if self._out is not None:
            with contextlib.suppress(OSError):  # nothing was said
                self._out.recv(4096)
        self._is_told = False

    @property
    def has_work(self) -> bool:
        """Whether something waits in a buffer, or was given back because nobody took it."""
        for consumer in tuple(self._consumers):
            if consumer.receiver.buffer or consumer.receiver.is_paused:
                return True
        return False

    def deliver_one(self) -> bool:
        """Hand out one message, to the queue whose turn it is; whether there was one."""
        consumers = self._consumers
        for _ in range(len(consumers)):
            consumer = consumers[0]
            consumers.rotate(-1)
            if not consumer.can_take():
                continue
            buffer = consumer.receiver.buffer
            delivery = _next(buffer)
            while delivery is not None and not consumer.take(delivery):
                delivery = _next(buffer)
            if delivery is not None:
                return True
            if consumer.receiver.is_paused:
                consumer.resume()
        return False

    def wait(self, timeout: float | None) -> bool:
        """Wait until there is something, at most so many seconds; whether there may be."""
        if self._selector is None:
            self._selector = selectors.DefaultSelector()
            self._selector.register(self._open(), selectors.EVENT_READ)
        return bool(self._selector.select(timeout))

    def close(self) -> None:
        """Close the sockets."""
        if self._selector is not None:
            self._selector.close()
            self._selector = None
        for one in (self._out, self._in):
            if one is not None:
                one.close()
        self._out = self._in = None
