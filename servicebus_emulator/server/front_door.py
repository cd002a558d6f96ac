"""One port, many doors: the first bytes of a connection say which one it wants."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    import ssl

_TLS_HANDSHAKE = 0x16  # the first byte of a TLS record that carries a ClientHello
_AMQP = b"AMQP"
FIRST_BYTES_SECONDS = 10.0


class House(Protocol):
    """What stands behind the front door."""

    def tls_context(self) -> ssl.SSLContext | None:
        """The context for a client that speaks TLS; None when TLS cannot be had."""

    def amqp_door(self) -> asyncio.Protocol:
        """A protocol for a client that speaks AMQP."""

    def http_door(self) -> asyncio.Protocol:
        """A protocol for everybody else."""


class FrontDoor(asyncio.Protocol):
    """Reads the first bytes, then passes everything on to the door that they ask for.

    Args:
        house: Gives the doors.
        in_tls: The bytes have been decrypted already; TLS within TLS is not spoken.
        patience: Seconds in which the first bytes have to come.
    """

    def __init__(
        self, house: House, *, in_tls: bool = False, patience: float = FIRST_BYTES_SECONDS
    ) -> None:
        self._house = house
        self._in_tls = in_tls
        self._patience = patience
        self._seen = b""
        self._door: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the first bytes, not for ever."""
        transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it
        self._transport = transport
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._patience, transport.abort)

    def data_received(self, data: bytes) -> None:
        """Pass on, or choose the door as soon as the bytes allow it."""
        if self._door is not None:
            self._door.data_received(data)
        elif self._transport is not None and not self._transport.is_closing():
            self._seen += data
            self._choose()

    def eof_received(self) -> bool | None:
        """Pass on."""
        return self._door.eof_received() if self._door is not None else None

    def pause_writing(self) -> None:
        """Pass on."""
        if self._door is not None:
            self._door.pause_writing()

    def resume_writing(self) -> None:
        """Pass on."""
        if self._door is not None:
            self._door.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on, and stop waiting."""
        self._stop_waiting()
        if self._door is not None:
            self._door.connection_lost(exc)

    def _choose(self) -> None:
        if self._seen[0] == _TLS_HANDSHAKE and not self._in_tls:
            self._enter(self._tls_door())
        elif self._seen.startswith(_AMQP):
            self._enter(self._house.amqp_door())
        elif not _AMQP.startswith(self._seen):
            self._enter(self._house.http_door())

    def _tls_door(self) -> asyncio.Protocol | None:
        context = self._house.tls_context()
        if context is None:
            return None
        from servicebus_emulator.server.tls import TlsProtocol  # noqa: PLC0415 (most are plain)

        inside = FrontDoor(self._house, in_tls=True, patience=self._patience)
        return TlsProtocol(context, inside)

    def _enter(self, door: asyncio.Protocol | None) -> None:
        self._stop_waiting()
        if self._transport is None:
            return
        if door is None:
            self._transport.close()
            return
        self._door = door
        seen, self._seen = self._seen, b""
        door.connection_made(self._transport)
        door.data_received(seen)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
