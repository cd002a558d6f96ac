"""A thread that drives an engine: it waits for the socket, for calls, and for deadlines.

Everything that belongs to the engine happens in this thread; others hand it calls, which it makes
in the order in which they came. Calls that come while it is busy cost no system call; calls that
can wait for a moment do not wake it one by one: each time, it would take the interpreter from the
threads that work.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from kombu.log import get_logger

from celery_azure.amqp.failures import FailureLog, reason_of
from celery_azure.amqp.frames import AmqpError

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_azure.amqp.claims import TokenSource
    from celery_azure.amqp.engine import Engine

logger = get_logger(__name__)

_CONNECT_SECONDS = 4.0
"""No longer than Celery waits for a connection, so that it is told why there is none."""
_READ_BYTES = 262_144
_CLOSE_SECONDS = 1.0
_PAUSE_SECONDS = 0.1
_READS_AT_ONCE = 16
_MOMENT_SECONDS = 0.008
"""For how long a call that can wait waits for others, after one that did not have to.

Each time the thread wakes, it takes the interpreter from those that work, and the broker answers.
"""


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
        self._tls = tls
        self._calls: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._is_asleep = False
        self._is_called = False
        self._is_called_soon = False
        self._soon_at: float | None = None
        self._is_closing = False
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._socket: socket.socket | None = None
        self._unsent: memoryview | None = None
        self._pause = threading.Event()
        self._failures = FailureLog()
        self._selector = selectors.DefaultSelector()
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

    def _wake(self) -> None:
        self._is_asleep = False
        with contextlib.suppress(OSError):  # full: it will wake; closed: it is gone
            self._wake_in.send(b"\0")

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
        for one in (self._socket, self._wake_in, self._wake_out):
            if one is not None:
                with contextlib.suppress(OSError):
                    one.close()

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
            self.engine.close(self.now())
            self._flush()
        except Exception:
            logger.exception("Closing the connection to Service Bus has failed.")
        finally:
            self._close_socket()
            self._selector.close()
            self._wake_in.close()
            self._wake_out.close()

    def _turn(self) -> None:
        engine, now = self.engine, self.now()
        deadline = engine.deadline()
        if deadline is not None and deadline <= now:
            engine.expire(now)
            if engine.connect_at is not None and engine.connect_at <= now:
                self._connect()
        if self._soon_at is None or self._soon_at <= now or self._is_called or self._is_closing:
            self._make_calls()
        self._serve()
        self._wait()

    def _recover(self, failure: Exception) -> None:
        """Take a failure of our own for the loss of the connection, and begin anew."""
        self._failures.tell(failure, self.now())
        try:
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

    def _wait(self) -> None:
        deadlines = [at for at in (self.engine.deadline(), self._soon_at) if at is not None]
        timeout = max(0.0, min(deadlines) - self.now()) if deadlines else None
        self._is_asleep = True  # before looking: whoever calls from now on sees it
        if self._is_called or self._is_closing or (self._calls and self._soon_at is None):
            timeout = 0.0
        ready = self._selector.select(timeout)
        self._is_asleep = False
        woken = False
        for key, events in ready:
            if key.fileobj is self._wake_out:
                woken = True
            elif events & selectors.EVENT_READ:
                self._read()
        if woken:
            self._make_calls()
            self._serve()
            with contextlib.suppress(OSError):
                self._wake_out.recv(4096)

    def _connect(self) -> None:
        engine = self.engine
        self._close_socket()
        try:
            plain = socket.create_connection(self._address, _CONNECT_SECONDS)
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                if self._tls is not None:
                    plain = self._tls.wrap_socket(plain, server_hostname=self._address[0])
                plain.setblocking(False)
            except BaseException:
                plain.close()
                raise
        except (OSError, ValueError) as error:  # ValueError: a name that can be no host's
            engine.lost(f"{self._address[0]}:{self._address[1]}: {error}", self.now())
            return
        self._socket = plain
        self._selector.register(plain, selectors.EVENT_READ)
        engine.begin(self.now())

    def _read(self) -> None:
        """Read what there is, but not for ever: others have their turn, too.

        Inside TLS, bytes may wait where `select` does not see them, so it is read until it is dry.
        Each read takes a whole record or more, so that what is left after the last one is seen.
        """
        for _ in range(_READS_AT_ONCE):
            if self._socket is None:
                return
            try:
                data = self._socket.recv(_READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self._lose(str(error))
                return
            if not data:
                self._lose("the peer has closed the socket")
                return
            self.engine.receive(data, self.now())
            if self._tls is None and len(data) < _READ_BYTES:
                return

    def _flush(self) -> None:
        if self._socket is None:
            return
        data = self.engine.take_output()
        if self._unsent is not None:
            data = bytes(self._unsent) + data
            self._unsent = None
        if data:
            self._write(self._socket, data)
        if self.engine.is_closed:
            self._close_socket()

    def _write(self, to: socket.socket, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[to.send(rest) :]
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                break
            except OSError as error:
                self._lose(str(error))
                return
        self._unsent = rest or None
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if rest else 0)
        if self._selector.get_key(to).events != events:
            self._selector.modify(to, events)

    def _lose(self, reason: str) -> None:
        self._close_socket()
        self.engine.lost(reason, self.now())

    def _close_socket(self) -> None:
        if self._socket is not None:
            self._selector.unregister(self._socket)
            self._socket.close()
            self._socket = None
        self._unsent = None

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
