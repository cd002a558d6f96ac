"""The socket of a driver with a thread: nothing here waits but `connect`."""

from __future__ import annotations

import selectors
import socket
import ssl
from typing import TYPE_CHECKING

from celery_azure.amqp.failures import is_from_signal_handler

if TYPE_CHECKING:
    from collections.abc import Callable

_CONNECT_SECONDS = 4.0
"""No longer than Celery waits for a connection, so that it is told why there is none."""
_READ_BYTES = 262_144
_READS_AT_ONCE = 16
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Wire:
    """A connection at a time, and for what of it a selector waits.

    Args:
        selector: Waits for it. One that is waiting just now is to see what is changed meanwhile, if
            anybody but the one who waits changes something.
        tls: How to speak TLS; None for a plain socket.

    Attributes:
        is_read_elsewhere: Whether the selector is not to wait for something to read.
    """

    def __init__(self, selector: selectors.BaseSelector, tls: ssl.SSLContext | None) -> None:
        self.is_read_elsewhere = False
        self._selector = selector
        self._tls = tls
        self._socket: socket.socket | None = None
        self._unsent: memoryview | None = None

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._socket is not None

    @property
    def has_unsent(self) -> bool:
        """Whether some of what was to be sent waits until there is room for it."""
        return self._unsent is not None

    def fileno(self) -> int:
        """The descriptor of the connection that there is; -1 for none."""
        return -1 if self._socket is None else self._socket.fileno()

    def connect(self, address: tuple[str, int]) -> None:
        """Make a connection to a host and port.

        Raises:
            OSError: There is none to be had.
            ValueError: The name can be no host's.
        """
        self.close()
        plain = socket.create_connection(address, _CONNECT_SECONDS)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                plain = self._tls.wrap_socket(plain, server_hostname=address[0])
            plain.setblocking(False)
        except BaseException:
            plain.close()
            raise
        self._socket = plain
        self.watch()

    def receive(self, take: Callable[[bytes], object]) -> str:
        """Hand over what there is, but not for ever: others have their turn, too.

        Inside TLS, bytes may wait where `select` does not see them, so it is read until it is dry.
        Each read takes a whole record or more, so that what is left after the last one is seen.

        Returns:
            Why the connection is of no use any more; empty while it is.
        """
        for _ in range(_READS_AT_ONCE):
            if self._socket is None:
                break
            try:
                data = self._socket.recv(_READ_BYTES)
            except _NOT_NOW:
                break
            except OSError as error:
                return _reason(error)
            if not data:
                return "the peer has closed the socket"
            take(data)
            if self._tls is None and len(data) < _READ_BYTES:
                break
        return ""

    def send(self, data: bytes) -> str:
        """Send what there is room for, and keep the rest; with nothing to send, try that again.

        Returns:
            Why the connection is of no use any more; empty while it is.
        """
        if self._unsent is not None:
            data, self._unsent = bytes(self._unsent) + data, None
        if self._socket is None or not data:
            return ""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except _NOT_NOW:
                break
            except OSError as error:
                return _reason(error)
        self._unsent = rest or None
        self.watch()
        return ""

    def watch(self) -> None:
        """Let the selector wait for what is to be waited for now."""
        if self._socket is None:
            return
        # It is asked: what we know of it may be wrong where a signal handler has raised something.
        key = self._selector.get_map().get(self._socket.fileno())
        watched = 0 if key is None else key.events
        events = 0 if self.is_read_elsewhere else selectors.EVENT_READ
        if self._unsent is not None:
            events |= selectors.EVENT_WRITE
        if events == watched:
            return
        if not watched:
            self._selector.register(self._socket, events)
        elif events:
            self._selector.modify(self._socket, events)
        else:
            self._selector.unregister(self._socket)

    def close(self) -> None:
        """Close the connection, if there is one."""
        closed, self._socket, self._unsent = self._socket, None, None
        self.is_read_elsewhere = False
        if closed is not None:
            if closed.fileno() in self._selector.get_map():
                self._selector.unregister(closed)
            closed.close()

    def forget(self) -> None:
        """Close the descriptor that a child inherited; the selector is the parent's."""
        if self._socket is not None:
            self._socket.close()


def _reason(error: OSError) -> str:
    """Why a socket failed; what a signal handler raised (a `TimeoutError`, say) is raised on."""
    if is_from_signal_handler(error):
        raise error
    return str(error)
