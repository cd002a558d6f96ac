"""An engine on an asyncio event loop: no thread, so nothing has to be handed from one to another.

What is submitted in one turn of the loop leaves with the end of that turn, in one write.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

from celery_azure.amqp.failures import FailureLog, reason_of
from celery_azure.amqp.frames import AmqpError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine

    from celery_azure.amqp.claims import TokenSource
    from celery_azure.amqp.engine import Engine

_CONNECT_SECONDS = 3.0
_CLOSE_SECONDS = 1.0


class _Line(asyncio.Protocol):
    """One socket of a driver; what it says once the driver has another one is not heard."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to speak."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by inheritance
        self._driver.line_made(self)

    def data_received(self, data: bytes) -> None:
        """Take what the socket has given."""
        self._driver.line_received(self, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._gone.set()
        self._driver.line_lost(self, reason_of(exc) if exc else "the peer has closed the socket")

    def write(self, data: bytes) -> None:
        """Write."""
        if self._transport is not None:
            self._transport.write(data)

    def close(self) -> None:
        """Write what is left, for a moment, and close."""
        if self._transport is not None:
            self._transport.close()
            loop = asyncio.get_running_loop()
            loop.call_later(_CLOSE_SECONDS, self._transport.abort)

    async def wait_closed(self) -> None:
        """Wait until the socket is closed; `close` sees to it that this ends."""
        if self._transport is not None:
            await self._gone.wait()


class AsyncDriver:
    """Runs an engine on the running loop.

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
        self._loop = asyncio.get_running_loop()
        self._line: _Line | None = None
        self._failures = FailureLog()
        self._is_closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._is_poked = False
        self._is_connecting = False
        self._tasks: set[asyncio.Task[None]] = set()

    now = staticmethod(time.monotonic)

    def poke(self) -> None:
        """Let the engine do what there is to do when this turn of the loop ends."""
        if not self._is_poked:
            self._is_poked = True
            self._loop.call_soon(self._turn)

    def do(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call something of the engine's, and write what it leads to."""
        try:
            function(*arguments)
            self.flush()
        except Exception as failure:  # noqa: BLE001 - the driver outlives whatever it is
            self._recover(failure)

    async def aclose(self) -> None:
        """Say good-bye and close the socket."""
        self._is_closed = True
        for task in self._tasks:
            task.cancel()
        line = self._line
        try:
            self.engine.close(self.now())
        finally:
            self.flush()
            self._drop_line()
            if self._timer is not None:
                self._timer.cancel()
            if line is not None:
                await line.wait_closed()

    # -- the socket ------------------------------------------------------------------------------

    def line_made(self, line: _Line) -> None:
        """A socket is connected: speak."""
        self._is_connecting = False
        if self._is_closed:
            line.close()
            return
        self._drop_line()
        self._line = line
        self.engine.begin(self.now())
        self._turn()

    def line_received(self, line: _Line, data: bytes) -> None:
        """Take what the socket has given, and write what it leads to."""
        if line is not self._line:
            return
        self.do(self.engine.receive, data, self.now())
        self._turn()

    def line_lost(self, line: _Line, reason: str) -> None:
        """Begin anew, later."""
        if line is not self._line:
            return
        self._line = None
        self._lose(reason)
        self._turn()

    # -- inside ----------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._is_poked = False
        if self._is_closed:
            return
        self.do(self._advance)
        self._set_timer()

    def _advance(self) -> None:
        engine, now = self.engine, self.now()
        deadline = engine.deadline()
        if deadline is not None and deadline <= now:
            engine.expire(now)
            if engine.connect_at is not None and engine.connect_at <= now:
                engine.connect_at = None
                if not self._is_connecting:  # a link that is added meanwhile asks for it again
                    self._is_connecting = True
                    self._run(self._connect())
        if engine.token_wanted:
            wanted, engine.token_wanted = engine.token_wanted, []
            self._run(self._fetch_tokens(wanted))

    def _recover(self, failure: Exception) -> None:
        """Take a failure of our own for the loss of the connection, and begin anew."""
        self._failures.tell(failure, self.now())
        self._drop_line()
        self._lose(reason_of(failure))

    def _lose(self, reason: str) -> None:
        try:
            self.engine.lost(reason, self.now())
        except Exception as failure:  # noqa: BLE001 - who waited is told by time at the latest
            self._failures.tell(failure, self.now())

    def _drop_line(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _set_timer(self) -> None:
        deadline = self.engine.deadline()
        if deadline is None:
            return
        if self._timer is not None and not self._timer.cancelled():
            if self._now_of(self._timer) <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_later(max(0.0, deadline - self.now()), self._on_timer)

    def _now_of(self, timer: asyncio.TimerHandle) -> float:
        """When a timer fires, by the engine's clock."""
        return self.now() + timer.when() - self._loop.time()

    def _on_timer(self) -> None:
        self._timer = None
        self._turn()

    def flush(self) -> None:
        """Write what there is to write."""
        if self._line is None:
            return
        data = self.engine.take_output()
        if data:
            self._line.write(data)
        if self.engine.is_closed:
            self._drop_line()

    async def _connect(self) -> None:
        """Connect; the line begins to speak by itself."""
        host, port = self._address
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._loop.create_connection(lambda: _Line(self), host, port, ssl=self._tls)
        except Exception as error:  # noqa: BLE001 - also a name that can be no host's
            self._is_connecting = False
            if self._line is None:
                self._lose(f"{host}:{port}: {str(error) or 'no answer'}")
            self._turn()

    async def _fetch_tokens(self, entities: list[str]) -> None:
        for entity in entities:
            audience = self.engine.audience(entity)
            try:
                if self._tokens.is_quick:
                    token, expires_at = self._tokens.get(audience)
                else:
                    token, expires_at = await asyncio.to_thread(self._tokens.get, audience)
            except Exception as error:  # noqa: BLE001 - whatever a credential raises
                refusal = AmqpError("amqp:unauthorized-access", reason_of(error))
                self.do(self.engine.token_failed, entity, refusal, self.now())
            else:
                self.do(self.engine.put_token, entity, token, expires_at, self.now())
        self._turn()
