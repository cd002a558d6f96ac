"""TLS between a transport and a protocol, over bytes in memory.

asyncio can start TLS only on bytes it has not read yet, while one port for everything has to read
the first of them to know that it is TLS. `ssl.MemoryBIO` takes them from anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import cast

from servicebus_emulator.server.inner_transport import InnerTransport

_READ_SIZE = 256 * 1024


class TlsTransport(InnerTransport):
    """What the protocol inside writes to: plain text in, TLS records out to the real transport."""

    def __init__(self, tls: TlsProtocol, outer: asyncio.Transport) -> None:
        super().__init__(outer)
        self._tls = tls

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send."""
        self._tls.write(data)

    def close(self) -> None:
        """Say goodbye (close_notify), send what is left, close."""
        self._tls.say_goodbye()
        self._outer.close()


class TlsProtocol(asyncio.Protocol):
    """The server's side of TLS; decrypted bytes go to the protocol `inner`.

    Args:
        context: Holds the certificate.
        inner: Gets the plain text.
    """

    def __init__(self, context: ssl.SSLContext, inner: asyncio.Protocol) -> None:
        self._inner = inner
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._handshaken = False
        self._goodbye = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the protocol inside its transport."""
        transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._transport = transport
        self._inner.connection_made(TlsTransport(self, transport))

    def data_received(self, data: bytes) -> None:
        """Decrypt; what is not TLS ends the connection."""
        self._incoming.write(data)
        try:
            plain = self._shake_hands_or_read()
        except ssl.SSLWantReadError:
            plain = b""
        except ssl.SSLError:
            self._flush()  # the alert that tells why
            self._close()
            return
        self._flush()
        if plain:
            self._inner.data_received(plain)
        if self._goodbye:
            self._close()

    def eof_received(self) -> bool | None:
        """Tell the protocol inside."""
        return self._inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the protocol inside."""
        self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Tell the protocol inside."""
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Tell the protocol inside."""
        self._inner.resume_writing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send; the doors speak only when spoken to, so after the handshake."""
        if not data or self._transport is None or self._transport.is_closing():
            return
        self._tls.write(data)
        self._flush()

    def say_goodbye(self) -> None:
        """Send close_notify, without waiting for the client's."""
        if self._handshaken and self._transport and not self._transport.is_closing():
            with contextlib.suppress(ssl.SSLError):  # nobody waits for the client's goodbye
                self._tls.unwrap()
            self._flush()

    def _shake_hands_or_read(self) -> bytes:
        if not self._handshaken:
            self._tls.do_handshake()
            self._handshaken = True
        pieces = []
        with contextlib.suppress(ssl.SSLWantReadError):
            while piece := self._tls.read(_READ_SIZE):
                pieces.append(piece)
            self._goodbye = True  # an empty read is the client's close_notify
        return b"".join(pieces)

    def _flush(self) -> None:
        if self._transport is not None and self._outgoing.pending:
            self._transport.write(self._outgoing.read())

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
