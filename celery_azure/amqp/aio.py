"""An engine on an asyncio event loop: no thread, so nothing has to be handed from one to another.

What is submitted in one turn of the loop leaves with the end of that turn, in one write.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from celery_azure.amqp.frames import AmqpError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Coroutine

    from celery_azure.amqp.engine import Engine, TokenSource

_CONNECT_SECONDS = 3.0


class AsyncDriver(asyncio.Protocol):
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
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_poked = False
        self._tasks: set[asyncio.Task[None]] = set()

    now = staticmethod(time.monotonic)

    def poke(self) -> None:
        """Let the engine do what there is to do when this turn of the loop ends."""
        if not self._is_poked:
            self._is_poked = True
            self._loop.call_soon(self._turn)

    async def aclose(self) -> None:
        """Say good-bye and close the socket."""
        for task in self._tasks:
            task.cancel()
        self.engine.close(self.now())
        self.flush()
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        await asyncio.sleep(0)  # the transport closes its socket in the next turn

    # -- the socket ------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Take what the socket has given, and write what it leads to."""
        self.engine.receive(data, self.now())
        self._turn()

    def connection_lost(self, exc: Exception | None) -> None:
        """Begin anew, later."""
        if self._transport is not None:
            self._transport = None
            self.engine.lost(str(exc or "the peer has closed the socket"), self.now())
            self._turn()

    # -- inside ----------------------------------------------------------------------------------

    def _turn(self) -> None:
        self._is_poked = False
        engine, now = self.engine, self.now()
        deadline = engine.deadline()
        if deadline is not None and deadline <= now:
            engine.expire(now)
            if engine.connect_at is not None and engine.connect_at <= now:
                engine.connect_at = None
                self._run(self._connect())
        if engine.token_wanted:
            wanted, engine.token_wanted = engine.token_wanted, []
            self._run(self._fetch_tokens(wanted))
        self.flush()
        self._set_timer()

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
        data = self.engine.take_output()
        if self._transport is None:
            return
        if data:
            self._transport.write(data)
        if self.engine.is_closed:
            transport, self._transport = self._transport, None
            transport.close()

    async def _connect(self) -> None:
        host, port = self._address
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                transport, _ = await self._loop.create_connection(
                    lambda: self, host, port, ssl=self._tls
                )
        except (OSError, TimeoutError) as error:
            self.engine.lost(f"{host}:{port}: {str(error) or 'no answer'}", self.now())
        else:
            self._transport = transport
            self.engine.begin(self.now())
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
                text = (str(error).splitlines() or [type(error).__name__])[0]
                refusal = AmqpError("amqp:unauthorized-access", text)
                self.engine.token_failed(entity, refusal, self.now())
            else:
                self.engine.put_token(entity, token, expires_at, self.now())
        self._turn()
