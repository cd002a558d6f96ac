"""Blocking connections to one account: kept alive, shared by threads, made anew after a fork."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import ssl
import sys
import time
from collections import deque
from email.utils import formatdate
from typing import TYPE_CHECKING

from celery_azure.storage.conversation import NoAnswerError
from celery_azure.storage.messages import AnswerParser, BrokenAnswerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from celery_azure.storage.account import StorageAccount
    from celery_azure.storage.conversation import Patience
    from celery_azure.storage.messages import Answer, Request

_READ_BYTES = 65_536
_MAX_KEPT = 16
_MAX_IDLE_SECONDS = 60.0  # load balancers forget silent connections after four minutes


class Connection:
    """One connection, for one request at a time."""

    def __init__(
        self, account: StorageAccount, patience: Patience, tls: ssl.SSLContext | None
    ) -> None:
        plain = socket.create_connection(
            (account.host, account.port), timeout=patience.connection_timeout
        )
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket = tls.wrap_socket(plain, server_hostname=account.host) if tls else plain
        except BaseException:
            plain.close()
            raise
        self._socket.settimeout(patience.read_timeout)
        self._parser = AnswerParser("GET")
        self.idle_since = 0.0
        self.was_used = False

    @property
    def is_usable(self) -> bool:
        """Whether it may serve another request: it is not silent for long, nor ended."""
        if time.monotonic() - self.idle_since > _MAX_IDLE_SECONDS:
            return False
        return not _has_input(self._socket)  # nothing was asked: what can be read is the end

    @property
    def has_heard(self) -> bool:
        """Whether an answer to the last request has begun."""
        return self._parser.has_begun

    def send(self, method: str, data: bytes) -> None:
        """Send a request."""
        self._parser = AnswerParser(method)
        self._socket.sendall(data)

    def receive(self) -> Answer:
        """Wait for the answer."""
        while True:
            data = self._socket.recv(_READ_BYTES)
            answer = self._parser.feed(data) if data else self._parser.end()
            if answer is not None:
                return answer

    def close(self) -> None:
        """Give it up."""
        with contextlib.suppress(OSError):
            self._socket.close()


def _has_input(readable: socket.socket) -> bool:
    # `select` fails from descriptor 1024 on; but Windows has no `poll`, and eventlet takes it away.
    if sys.platform != "win32" and hasattr(select, "poll"):
        poll = select.poll()
        poll.register(readable, select.POLLIN)
        found: list[object] = [*poll.poll(0)]
    else:
        found = [*select.select([readable], [], [], 0)[0]]
    return bool(found)


class ConnectionPool:
    """Sends requests to an account and gives the answers; any thread may ask at any time.

    Connections are made when they are needed and kept for the next request. A child of this
    process makes its own.
    """

    def __init__(self, account: StorageAccount, patience: Patience) -> None:
        self._account = account
        self._patience = patience
        self._tls = ssl.create_default_context() if account.is_tls else None
        self._kept: deque[Connection] = deque()
        self._pid = os.getpid()

    def exchange(self, request: Request) -> Answer:
        """Send a request and wait for its answer.

        A connection that was kept may have ended unseen: then it is sent once more.

        Raises:
            NoAnswerError: There was none.
            AzureError: No token could be had.
        """
        data = self._render(request)
        connection = self._take()
        if connection is not None:
            with contextlib.suppress(_StaleConnectionError):
                return self._ask(connection, request.method, data)
        return self._ask(self._connect(), request.method, data)

    def exchange_all(self, requests: Sequence[Request]) -> list[Answer | None]:
        """Send requests at the same time, each over a connection of its own; None: no answer.

        Raises:
            AzureError: No token could be had.
        """
        asked = [self._begin(request) for request in requests]
        return [self._finish(connection) if connection else None for connection in asked]

    def close(self) -> None:
        """Close the connections that are kept; the pool can be used again."""
        while self._kept:
            self._kept.pop().close()

    def __del__(self) -> None:
        """Close them with the pool: a worker's may be dropped without a word."""
        self.close()

    def _begin(self, request: Request) -> Connection | None:
        data = self._render(request)
        try:
            connection = self._take() or self._connect()
        except NoAnswerError:
            return None
        try:
            connection.send(request.method, data)
        except OSError:
            connection.close()
            return None
        return connection

    def _finish(self, connection: Connection) -> Answer | None:
        try:
            answer = connection.receive()
        except OSError:
            connection.close()
            return None
        self._give_back(connection, answer)
        return answer

    def _render(self, request: Request) -> bytes:
        now = time.time()  # noqa: TID251 - a signature names the time; nothing else here does
        credential = self._account.credential
        if credential.is_stale(now):
            credential.refresh()
        return self._account.render(request, formatdate(now, usegmt=True))

    def _ask(self, connection: Connection, method: str, data: bytes) -> Answer:
        try:
            connection.send(method, data)
            answer = connection.receive()
        except (OSError, BrokenAnswerError) as error:
            connection.close()
            is_silent = not connection.has_heard and not isinstance(error, TimeoutError)
            if connection.was_used and is_silent:
                raise _StaleConnectionError from None
            raise NoAnswerError(error, was_sent=True) from None
        except BaseException:  # a signal's exception: an answer is still to come
            connection.close()
            raise
        self._give_back(connection, answer)
        return answer

    def _take(self) -> Connection | None:
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._kept = deque()  # the parent's; closing our copies would not harm it, nor help
        while True:
            try:
                connection = self._kept.pop()  # the warmest
            except IndexError:
                return None
            if connection.is_usable:
                return connection
            connection.close()

    def _connect(self) -> Connection:
        try:
            return Connection(self._account, self._patience, self._tls)
        except OSError as error:
            raise NoAnswerError(error, was_sent=False) from None

    def _give_back(self, connection: Connection, answer: Answer) -> None:
        if answer.is_last or len(self._kept) >= _MAX_KEPT:
            connection.close()
            return
        connection.was_used = True
        connection.idle_since = time.monotonic()
        self._kept.append(connection)


class _StaleConnectionError(Exception):
    """A connection that was kept has ended before it said anything."""
