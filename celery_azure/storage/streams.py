"""Asynchronous connections to one account: kept alive, a bounded number, on one event loop."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from email.utils import formatdate
from typing import TYPE_CHECKING, cast

from celery_azure.storage.conversation import NoAnswerError
from celery_azure.storage.messages import AnswerParser, BrokenAnswerError

if TYPE_CHECKING:
    from celery_azure.storage.account import StorageAccount
    from celery_azure.storage.conversation import Patience
    from celery_azure.storage.messages import Answer, Request

_MAX_CONNECTIONS = 32
_MAX_IDLE_SECONDS = 60.0  # load balancers forget silent connections after four minutes


class Stream(asyncio.Protocol):
    """One connection, for one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = AnswerParser("GET")
        self._answer: asyncio.Future[Answer] | None = None
        self.is_open = False
        self.was_used = False
        self.idle_since = 0.0

    @property
    def has_heard(self) -> bool:
        """Whether an answer to the last request has begun."""
        return self._parser.has_begun

    @property
    def is_usable(self) -> bool:
        """Whether it may serve another request: it is not silent for long, nor ended."""
        return self.is_open and time.monotonic() - self.idle_since < _MAX_IDLE_SECONDS

    def ask(self, method: str, data: bytes) -> asyncio.Future[Answer]:
        """Send a request; what its answer will be."""
        self._parser = AnswerParser(method)
        self._answer = asyncio.get_running_loop().create_future()
        if self._transport is None or not self.is_open:
            self._answer.set_exception(ConnectionError("the connection has ended"))
        else:
            self._transport.write(data)
        return self._answer

    def close(self) -> None:
        """Give it up."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; called by the event loop."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are none by inheritance
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Take what has come; called by the event loop."""
        if self._answer is None or self._answer.done():
            self.close()  # nobody asked
            return
        try:
            answer = self._parser.feed(data)
        except BrokenAnswerError as error:
            self._answer.set_exception(error)
            self.close()
            return
        if answer is not None:
            self._answer.set_result(answer)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; called by the event loop."""
        self.is_open = False
        if self._answer is None or self._answer.done():
            return
        try:
            self._answer.set_result(self._parser.end())
        except BrokenAnswerError as error:
            self._answer.set_exception(exc if isinstance(exc, OSError) else error)


class StreamPool:
    """Sends requests to an account and gives the answers; used by tasks of one event loop.

    At most 32 connections at a time; who finds none waits, first come, first served.
    """

    def __init__(self, account: StorageAccount, patience: Patience) -> None:
        self._account = account
        self._patience = patience
        self._tls = ssl.create_default_context() if account.is_tls else None
        self._kept: deque[Stream] = deque()
        self._places = asyncio.Semaphore(_MAX_CONNECTIONS)

    async def exchange(self, request: Request) -> Answer:
        """Send a request and wait for its answer.

        A connection that was kept may have ended unseen: then it is sent once more.

        Raises:
            NoAnswerError: There was none.
            AzureError: No token could be had.
        """
        now = time.time()  # noqa: TID251 - a signature names the time; nothing else here does
        credential = self._account.credential
        if credential.is_stale(now):
            await asyncio.to_thread(credential.refresh)
        data = self._account.render(request, formatdate(now, usegmt=True))
        async with self._places:
            stream = self._take()
            if stream is not None:
                answer = await self._ask(stream, request.method, data)
                if answer is not None:
                    return answer
            answer = await self._ask(await self._connect(), request.method, data)
            if answer is None:
                raise TypeError("a new connection cannot be stale")
            return answer

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._kept:
            self._kept.pop().close()

    async def _ask(self, stream: Stream, method: str, data: bytes) -> Answer | None:
        """Send and wait; None when a connection that was kept has ended before it said anything."""
        try:
            async with asyncio.timeout(self._patience.read_timeout):
                answer = await stream.ask(method, data)
        except OSError as error:  # a timeout is one, too
            is_silent = not stream.has_heard and not isinstance(error, TimeoutError)
            stream.close()
            if stream.was_used and is_silent:
                return None
            raise NoAnswerError(error, was_sent=True) from None
        except asyncio.CancelledError:
            stream.close()  # its answer is still to come
            raise
        if answer.is_last:
            stream.close()
        else:
            stream.was_used = True
            stream.idle_since = time.monotonic()
            self._kept.append(stream)
        return answer

    def _take(self) -> Stream | None:
        while self._kept:
            stream = self._kept.pop()  # the warmest
            if stream.is_usable:
                return stream
            stream.close()
        return None

    async def _connect(self) -> Stream:
        place = self._account
        try:
            async with asyncio.timeout(self._patience.connection_timeout):
                _, stream = await asyncio.get_running_loop().create_connection(
                    Stream, place.host, place.port, ssl=self._tls
                )
        except OSError as error:
            raise NoAnswerError(error, was_sent=False) from None
        return stream
