"""Publishing from an asyncio program: awaited, without a thread, over one connection.

Messages that are published in one turn of the event loop, or while others are under way, travel as
one batch; each caller is told the fate of its own.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kombu.log import get_logger

from celery_azure.amqp.aio import AsyncDriver
from celery_azure.amqp.connection import CONNECTION_LOST
from celery_azure.amqp.frames import AmqpError
from celery_azure.amqp.sender import TIMEOUT, Outgoing, Sender
from celery_azure.dialing import address_of, new_engine, tls_of
from celery_azure.errors import error_from
from celery_azure.tokens import token_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from celery_azure.connection import ServiceBusEndpoint

logger = get_logger(__name__)

_CLOSED = AmqpError(CONNECTION_LOST, "closed by this end")


class AsyncPublisher:
    """Sends to the queues of a namespace; to be made and used on one event loop.

    Args:
        endpoint: The namespace, and how to sign in.
        create_queue: Creates a queue that is missing, or raises; called in a thread.
    """

    def __init__(
        self, endpoint: ServiceBusEndpoint, create_queue: Callable[[str], None] | None = None
    ) -> None:
        self._endpoint = endpoint
        self._create_queue = create_queue
        self._senders: dict[str, _WatchedSender] = {}
        self._creating: dict[str, asyncio.Task[None]] = {}
        self._attached: dict[str, list[asyncio.Future[None]]] = {}
        engine = new_engine(endpoint)
        self._driver = AsyncDriver(
            engine, token_source(endpoint), address_of(endpoint), tls_of(endpoint)
        )
        self._loop = asyncio.get_running_loop()
        self._is_closed = False

    async def publish(self, queue: str, payload: bytes, timeout: float) -> None:  # noqa: ASYNC109
        """Send an encoded message; returns when the broker has accepted it.

        Raises:
            ServiceBusError: It has not, or not in time.
        """
        future: asyncio.Future[None] = self._loop.create_future()

        def done(error: AmqpError | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error_from(error))

        if self._is_closed:
            raise error_from(_CLOSED)
        outgoing = Outgoing(payload, self._driver.now() + timeout, done)
        sender = self._senders.get(queue) or self._open(queue)
        sender.submit(outgoing)
        if sender.is_attached:
            self._pump_soon(sender)
        try:
            await future
        finally:
            outgoing.done = None  # a caller that was cancelled waits for nothing

    async def check(self, queue: str, timeout: float) -> None:  # noqa: ASYNC109
        """See that a link to the queue is there, or can be attached.

        Raises:
            ServiceBusError: It cannot, or not in time.
        """
        sender = self._senders.get(queue) or self._open(queue)
        if sender.is_attached and not sender.is_stuck(self._driver.now()):
            return
        future: asyncio.Future[None] = self._loop.create_future()
        self._attached.setdefault(queue, []).append(future)
        try:
            async with asyncio.timeout(timeout):
                await future
        except TimeoutError:
            raise error_from(AmqpError(TIMEOUT, "no link in time")) from None

    async def aclose(self) -> None:
        """Close the connection; whoever waits, and whoever comes later, is told so."""
        self._is_closed = True
        for task in self._creating.values():
            task.cancel()
        try:
            await self._driver.aclose()
        finally:  # now nothing is under way any more
            for sender in self._senders.values():
                sender.fail_all(_CLOSED)

    # -- inside ----------------------------------------------------------------------------------

    def _open(self, queue: str) -> _WatchedSender:
        sender = self._senders[queue] = _WatchedSender(queue, self._on_link)
        sender.on_refusal = lambda error: self._mend(queue, sender, error)
        self._driver.engine.watch(sender)
        self._driver.engine.add(sender, self._driver.now())
        self._driver.poke()
        return sender

    def _pump_soon(self, sender: _WatchedSender) -> None:
        if not sender.is_pump_due:
            sender.is_pump_due = True
            self._loop.call_soon(self._pump, sender)

    def _pump(self, sender: _WatchedSender) -> None:
        sender.is_pump_due = False
        self._driver.do(sender.pump, self._driver.now())

    def _on_link(self, queue: str, error: AmqpError | None) -> None:
        """A link is attached, or was refused: tell those who want to know."""
        for future in self._attached.pop(queue, []):
            if future.done():
                continue
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error_from(error))

    def _mend(self, queue: str, sender: _WatchedSender, error: AmqpError) -> bool:
        """Create a queue that is missing, where that is wanted; whether it is being tried."""
        if error.condition != "amqp:not-found" or self._create_queue is None:
            self._on_link(queue, error)
            self._loop.call_soon(self._drop, queue, sender)
            return False
        if queue not in self._creating:
            self._creating[queue] = self._loop.create_task(self._create(queue, sender, error))
        return True

    def _drop(self, queue: str, sender: _WatchedSender) -> None:
        """Let a link go that was refused, until somebody needs it: then it is tried at once."""
        if sender.is_attached or not sender.is_idle or self._attached.get(queue):
            return
        if self._senders.get(queue) is sender:
            del self._senders[queue]
            self._driver.engine.unwatch(sender)
            self._driver.engine.remove(sender)

    async def _create(self, queue: str, sender: _WatchedSender, error: AmqpError) -> None:
        try:
            if self._create_queue is not None:
                await asyncio.to_thread(self._create_queue, queue)
        except Exception as reason:  # noqa: BLE001 - whatever the admin client raises
            text = (str(reason).splitlines() or [type(reason).__name__])[0]
            logger.warning("Queue %r does not exist and cannot be created: %s", queue, text)
            sender.fail_all(error)
            self._on_link(queue, error)
            self._drop(queue, sender)
        finally:
            self._creating.pop(queue, None)


class _WatchedSender(Sender):
    """A sender that tells when it is attached."""

    def __init__(self, queue: str, on_link: Callable[[str, AmqpError | None], None]) -> None:
        super().__init__(queue)
        self.is_pump_due = False
        self._on_link = on_link

    def on_attached(self, now: float) -> None:
        """Tell it, and send what waits."""
        self._on_link(self.address, None)
        super().on_attached(now)
