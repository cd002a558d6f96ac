"""A connection without I/O (AMQP 1.0 transport 2.4): bytes in, events out, bytes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from servicebus_emulator.amqp.errors import AmqpError
    from servicebus_emulator.amqp.events import Event
    from servicebus_emulator.amqp.session import Session


class Connection:
    """One end of a connection.

    The loop that owns the socket calls `receive_data`, handles `next_event` until None, sends
    `data_to_send`, and closes the socket when `finished`. `receive_data` never raises: garbage
    becomes `ProtocolFailed` and `ConnectionClosed`.
    """

    def __init__(
        self,
        role: Literal["server", "client"],
        container_id: str,
        *,
        now: float,
        hostname: str | None = None,
        max_frame_size: int = 65536,
        channel_max: int = 255,
        idle_time_out: int | None = None,
        properties: dict[Any, Any] | None = None,
        mechanism: str | None = "ANONYMOUS",
        credentials: tuple[str, str] | None = None,
    ) -> None:
        """Begin in the state START; a client has its header ready to send at once.

        Args:
            role: "server" or "client".
            container_id: announced in open.
            now: seconds since the epoch.
            hostname: announced in open; None for a server.
            max_frame_size: largest frame accepted, bytes, at least 512.
            channel_max: highest channel number accepted.
            idle_time_out: announced in open, milliseconds. Not enforced: it is the client's
                reminder to send empty frames, and a slow debugger session is no fault.
            properties: of open.
            mechanism: client: SASL mechanism, None to begin without SASL.
            credentials: client: user and password for PLAIN.
        """
        raise NotImplementedError

    @property
    def finished(self) -> bool:
        """Nothing more will be read or sent after `data_to_send` has been flushed."""
        raise NotImplementedError

    def receive_data(self, data: bytes, now: float) -> None:
        """Take bytes from the peer, in pieces of any size. Never raises."""
        raise NotImplementedError

    def receive_eof(self) -> None:
        """The transport ended: `ConnectionClosed(None)` unless it was reported before."""
        raise NotImplementedError

    def next_event(self) -> Event | None:
        """Return the oldest event not yet taken."""
        raise NotImplementedError

    def data_to_send(self) -> bytes:
        """Take all bytes that are to be written to the peer now."""
        raise NotImplementedError

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called, seconds since the epoch; None: never."""
        raise NotImplementedError

    def handle_deadline(self, now: float) -> None:
        """Send an empty frame when half of the peer's idle-time-out has passed."""
        raise NotImplementedError

    def authenticate(self, *, accepted: bool) -> None:
        """Answer `AuthenticationRequested`; refusing ends the connection.

        Raises:
            StateError: nobody asked.
        """
        raise NotImplementedError

    def begin(self, properties: dict[Any, Any] | None = None) -> Session:
        """Begin a session; `SessionBegun` follows when the peer agrees.

        Raises:
            StateError: the connection is closing, or all channels are taken.
        """
        raise NotImplementedError

    def close(self, error: AmqpError | None = None) -> None:
        """Send close; `ConnectionClosed` follows when the peer agrees. Harmless twice."""
        raise NotImplementedError
