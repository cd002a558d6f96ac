"""A thread that drives an engine: it waits for the socket, for calls, and for deadlines.

Others hand it calls, which it makes in the order in which they came. Calls that come while it is
busy cost no system call; calls that can wait for a moment do not wake it one by one: each time, it
would take the interpreter from the threads that work.

Who waits for the answer to a call can drive the engine meanwhile, while the thread sleeps: make the
call, and read the socket until the answer is there. That spares two changes of threads. One lock is
held over the engine by whoever works on it, and by nobody who waits.
"""

from __future__ import annotations

import contextlib
import math
import select
import selectors
import socket
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from kombu.log import get_logger

from celery_azure.amqp.failures import FailureLog, is_from_signal_handler, reason_of
from celery_azure.amqp.frames import AmqpError
from celery_azure.amqp.wire import Wire

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from celery_azure.amqp.claims import TokenSource
    from celery_azure.amqp.engine import Engine

logger = get_logger(__name__)

_CLOSE_SECONDS = 1.0
_PAUSE_SECONDS = 0.1
_MOMENT_SECONDS = 0.008
"""For how long a call that can wait waits for others, after one that did not have to.

Each time the thread wakes, it takes the interpreter from those that work, and the broker answers.
"""

_LEAD_SECONDS = 0.05
"""For how long a caller reads the socket: for longer, a change of threads is nothing."""

# A selector that can be told of changes while somebody waits for it; gevent takes it away, and has
# no threads between which to change.
_EPOLL: Any = getattr(selectors, "EpollSelector", None)
_POLL: Any = getattr(select, "poll", None)
_POLLIN: int = getattr(select, "POLLIN", 0)


class Fate:
    """What has become of a message, for the thread that waits to know; an event that costs less.

    Attributes:
        is_known: Whether it was told.
        error: What went wrong; None when the broker has accepted the message.
    """

    __slots__ = ("_lock", "error", "is_known")

    def __init__(self) -> None:
        self.is_known = False
        self.error: AmqpError | None = None
        self._lock = threading.Lock()
        self._lock.acquire()

    def tell(self, error: AmqpError | None) -> None:
        """Wake who waits; to be called once."""
        self.error = error
        self.is_known = True
        self._lock.release()

    def wait(self, timeout: float) -> bool:
        """Wait for it, at most so many seconds; whether it is known. One thread may wait."""
        return self.is_known or self._lock.acquire(timeout=max(0.0, timeout))


class ThreadedDriver:
    """Runs an engine in a thread of its own.

    Args:
        engine: What to run.
        tokens: What signs in.
        address: Host and port to connect to.
        tls: How to speak TLS; None for a plain socket.
    """

    def __init__(
        self,
        engine: Engine,
        tokens: TokenSource,
        address: tuple[str, int],
        tls: ssl.SSLContext | None,
    ) -> None:
        self.engine = engine
        self._tokens = tokens
        self._address = address
        self._calls: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._lock = threading.Lock()
        self._leader: Fate | None = None
        self._lead_ends_at = math.inf
        self._last_caller = 0
        self._is_asleep = False
        self._sleeps_until = math.inf
        self._is_called = False
        self._is_called_soon = False
        self._soon_at: float | None = None
        self._is_closing = False
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._pause = threading.Event()
        self._failures = FailureLog()
        self._selector = selectors.DefaultSelector()
        self._wire = Wire(self._selector, tls)
        self._can_be_led = _EPOLL is not None and isinstance(self._selector, _EPOLL)
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="celery-azure", daemon=True)
        self._thread.start()

    # -- from other threads ----------------------------------------------------------------------

    def call(self, function: Callable[..., object], *arguments: Any) -> None:
        """Let the thread call a function; never waits, and may be used in a signal handler."""
        self._calls.append((function, arguments))
        self._is_called = True
        if self._is_asleep:
            self._wake()

    def call_soon(self, function: Callable[..., object], *arguments: Any) -> None:
        """Likewise, for what can wait for a moment: the first such call is made at once."""
        self._is_called_soon = True  # first: whoever finds the call knows that it could wait
        self._calls.append((function, arguments))
        if self._is_asleep and self._soon_at is None:
            self._wake()

    def call_here(self, fate: Fate, function: Callable[..., object], *arguments: Any) -> bool:
        """Call a function in this thread, and wait here for a moment for what comes of it.

        What fails in it ends the connection, as with `call`. Not for signal handlers.

        Returns:
            False when nothing was done, since the thread is at work or there is no connection.
        """
        caller = threading.get_ident()
        is_alone, self._last_caller = caller == self._last_caller, caller
        if self._lock.locked() or self._calls or not (self._can_be_led and self._wire.is_open):
            return False
        poll: Any = None
        try:
            with self._lock:  # a `with`, as nothing that a signal handler raises can part it
                self._attempt(function, *arguments)
                if is_alone:  # where several take turns, the thread reads for all of them
                    poll = _POLL()
                    self._guard(self._lead, fate, poll)
            while self._leader is fate and poll.poll(_LEAD_SECONDS * 1000):
                with self._lock:
                    self._follow_up(fate)
        finally:
            if self._leader is fate:
                with self._lock:
                    self._guard(self._end_lead, fate)
        return True

    def _lead(self, fate: Fate, poll: Any) -> None:
        """Let the caller read the socket instead of the thread, if that is for anything."""
        if self._wire.is_open and self._leader is None and not fate.is_known:
            poll.register(self._wire, _POLLIN)
            self._leader, self._lead_ends_at = fate, self.now() + _LEAD_SECONDS
            self._wire.is_read_elsewhere = True
            self._wire.watch()

    def _follow_up(self, fate: Fate) -> None:
        if self._leader is fate:
            self._attempt(self._read)
            if fate.is_known or self.now() >= self._lead_ends_at:
                self._guard(self._end_lead, fate)

    def _end_lead(self, fate: Fate | None) -> None:
        """Let the thread read again, unless it does so already."""
        if self._leader is fate:
            self._wire.is_read_elsewhere = False
            self._wire.watch()
            self._leader, self._lead_ends_at = None, math.inf  # last: see `_work`

    def _attempt(self, function: Callable[..., object], *arguments: Any) -> None:
        """Do some of the thread's work, and leave to the thread what is due then."""
        if self._guard(function, *arguments):
            self._guard(self._flush)
        is_due = self._wire.has_unsent or self.engine.token_wanted
        if self._is_asleep and (is_due or self._due() < self._sleeps_until):
            self._wake()

    def _guard(self, function: Callable[..., object], *arguments: Any) -> bool:
        """Call something; should it fail, the thread ends the connection and begins anew."""
        try:
            function(*arguments)
        except BaseException as failure:
            self._leader, self._lead_ends_at = None, math.inf
            if not isinstance(failure, Exception) or is_from_signal_handler(failure):
                # What it has cut short is whole no more: here, in the engine, in the selector.
                self.call(_raise, RuntimeError("a signal handler has interrupted a call"))
                raise
            self.call(_raise, failure)
            return False
        return True

    def _wake(self) -> None:
        # A signal handler that raises comes before both or after: nothing else is called between.
        self._is_asleep = False
        try:
            self._wake_in.send(b"\0")
        except OSError as error:  # full: it will wake; closed: it is gone
            if is_from_signal_handler(error):
                raise

    @staticmethod
    def call_beside(function: Callable[..., object], *arguments: Any) -> None:
        """Call what blocks (a request to another service, say) in a thread of its own."""
        threading.Thread(
            target=function, args=arguments, name="celery-azure-beside", daemon=True
        ).start()

    def close(self, timeout: float = _CLOSE_SECONDS) -> None:
        """End the thread, after what it was given; wait that many seconds for it."""
        self._is_closing = True
        self.call(lambda: None)
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def forget(self) -> None:
        """Close the descriptors that a child inherited; the thread stayed in the parent."""
        for close in (self._wire.forget, self._wake_in.close, self._wake_out.close):
            with contextlib.suppress(OSError):
                close()

    @staticmethod
    def now() -> float:
        """The engine's clock."""
        return time.monotonic()

    # -- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not (self._is_closing and not self._calls):
                try:
                    self._turn()
                except Exception as failure:  # noqa: BLE001 - the thread outlives whatever it is
                    self._recover(failure)
            with self._lock:
                self.engine.close(self.now())
                self._flush()
        except Exception:
            logger.exception("Closing the connection to Service Bus has failed.")
        finally:
            with self._lock:
                self._close_wire()
            self._selector.close()
            self._wake_in.close()
            self._wake_out.close()

    def _turn(self) -> None:
        with self._lock:
            self._work()
            timeout = self._fall_asleep()
        ready = self._selector.select(timeout)
        self._is_asleep = False
        with self._lock:
            self._take(ready)

    def _work(self) -> None:
        engine, now = self.engine, self.now()
        if now >= self._lead_ends_at:  # a caller that was interrupted when it should have ended
            self._end_lead(self._leader)
        deadline = engine.deadline()
        if deadline is not None and deadline <= now:
            engine.expire(now)
            if engine.connect_at is not None and engine.connect_at <= now:
                self._connect()
        if self._soon_at is None or self._soon_at <= now or self._is_called or self._is_closing:
            self._make_calls()
        self._serve()

    def _recover(self, failure: Exception) -> None:
        """Take a failure of our own for the loss of the connection, and begin anew."""
        self._failures.tell(failure, self.now())
        try:
            with self._lock:
                self._lose(reason_of(failure))
        except Exception as another:  # noqa: BLE001 - who waited is told by time at the latest
            self._failures.tell(another, self.now())
        self._pause.wait(_PAUSE_SECONDS)  # should it fail again and again, it fails slowly

    def _make_calls(self) -> None:
        calls = self._calls
        can_wait, self._is_called, self._is_called_soon = self._is_called_soon, False, False
        while calls:
            function, arguments = calls.popleft()
            function(*arguments)
        self._soon_at = self.now() + _MOMENT_SECONDS if can_wait else None

    def _serve(self) -> None:
        """Fetch the tokens, write what there is to write."""
        if self.engine.token_wanted:
            self._fetch_tokens()
        self._flush()

    def _due(self) -> float:
        """When the thread has something to do, whatever comes."""
        deadlines = (self.engine.deadline(), self._soon_at)
        return min((at for at in deadlines if at is not None), default=math.inf)

    def _fall_asleep(self) -> float | None:
        """For how long the thread may wait; None for ever."""
        self._sleeps_until = self._due()
        self._is_asleep = True  # before looking: whoever calls from now on sees it
        if self._is_called or self._is_closing or (self._calls and self._soon_at is None):
            return 0.0
        if self._sleeps_until == math.inf:
            return None
        return max(0.0, self._sleeps_until - self.now())

    def _take(self, ready: list[tuple[selectors.SelectorKey, int]]) -> None:
        """Do what it was woken for."""
        woken = False
        for key, events in ready:
            if key.fileobj is self._wake_out:
                woken = True
            elif events & selectors.EVENT_READ and self._leader is None:
                self._read()
        if woken:
            self._make_calls()
            self._serve()
            with contextlib.suppress(OSError):
                self._wake_out.recv(4096)

    def _connect(self) -> None:
        engine = self.engine
        self._close_wire()
        try:
            self._wire.connect(self._address)
        except (OSError, ValueError) as error:
            engine.lost(f"{self._address[0]}:{self._address[1]}: {error}", self.now())
            return
        engine.begin(self.now())

    def _read(self) -> None:
        reason = self._wire.receive(lambda data: self.engine.receive(data, self.now()))
        if reason:
            self._lose(reason)

    def _flush(self) -> None:
        if not self._wire.is_open:
            return
        reason = self._wire.send(self.engine.take_output())
        if reason:
            self._lose(reason)
        if self.engine.is_closed:
            self._close_wire()

    def _lose(self, reason: str) -> None:
        self._close_wire()
        self.engine.lost(reason, self.now())

    def _close_wire(self) -> None:
        self._leader, self._lead_ends_at = None, math.inf
        self._wire.close()

    def _fetch_tokens(self) -> None:
        wanted, self.engine.token_wanted = self.engine.token_wanted, []
        if self._tokens.is_quick:
            for entity in wanted:
                self._fetch_token(entity)()
        else:  # who is asked may take its time; what is received and settled meanwhile cannot wait
            self.call_beside(self._fetch_beside, wanted)

    def _fetch_beside(self, wanted: list[str]) -> None:
        for entity in wanted:
            self.call(self._fetch_token(entity))

    def _fetch_token(self, entity: str) -> Callable[[], None]:
        """Ask for a token; what is to be done with the answer in the driver's thread."""
        engine = self.engine
        try:
            token, expires_at = self._tokens.get(engine.audience(entity))
        except Exception as error:  # noqa: BLE001 - whatever a credential raises
            refusal = AmqpError("amqp:unauthorized-access", reason_of(error))
            return lambda: engine.token_failed(entity, refusal, self.now())
        return lambda: engine.put_token(entity, token, expires_at, self.now())


def _raise(failure: Exception) -> None:
    raise failure
