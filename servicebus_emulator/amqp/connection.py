"""A connection without I/O (AMQP 1.0 transport 2.4): bytes in, events out, bytes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from servicebus_emulator.amqp.channels import Channels
from servicebus_emulator.amqp.errors import AmqpError, FramingError, ProtocolError, StateError
from servicebus_emulator.amqp.events import (
    AuthenticationRequested,
    ConnectionClosed,
    ConnectionOpened,
    ProtocolFailed,
)
from servicebus_emulator.amqp.framing import (
    AMQP_FRAME,
    AMQP_HEADER,
    MIN_MAX_FRAME_SIZE,
    SASL_FRAME,
    SASL_HEADER,
    FrameReader,
)
from servicebus_emulator.amqp.outlet import Outlet
from servicebus_emulator.amqp.performatives import Begin, Close, End, Open
from servicebus_emulator.amqp.pulse import EMPTY_FRAME, Pulse
from servicebus_emulator.amqp.sasl import SaslClient, SaslServer
from servicebus_emulator.amqp.schemas import (
    LINK_FRAMES,
    decode_performative,
    decode_sasl_frame,
    encode_body,
)
from servicebus_emulator.amqp.states import (
    CONNECTION,
    ConnectionState,
    Input,
    SaslState,
    advance,
)

if TYPE_CHECKING:
    from collections import deque

    from servicebus_emulator.amqp.events import Event
    from servicebus_emulator.amqp.schemas import Performative
    from servicebus_emulator.amqp.session import Session

#: Seconds that a closing connection waits for the peer's close.
CLOSE_LINGER: Final = 5.0


class Connection:
    """One end of a connection.

    The loop that owns the socket calls `receive_data`, takes the `events`, sends `data_to_send`,
    and closes the socket when `finished`. `receive_data` never raises: garbage becomes
    `ProtocolFailed` and `ConnectionClosed`.

    Attributes:
        state: see `states.py`.
        events: what has happened and was not taken away yet, the oldest first.
        context: free for the owner.
    """

    def __init__(  # noqa: PLR0913 # the open performative has these fields
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
        if max_frame_size < MIN_MAX_FRAME_SIZE:
            raise ValueError(f"max_frame_size is at least {MIN_MAX_FRAME_SIZE}")
        self.state = ConnectionState.START
        self.context: Any = None
        self._open = Open(
            container_id=container_id,
            hostname=hostname,
            max_frame_size=max_frame_size,
            channel_max=channel_max,
            idle_time_out=idle_time_out,
            properties=properties or {},
        )
        self._server = role == "server"
        self._reader = FrameReader(max_frame_size)
        self._outlet = Outlet()
        self.events: deque[Event] = self._outlet.events
        self._sasl: SaslServer | SaslClient | None = None
        self._sasl_header_due = False
        self._channels = Channels(channel_max, self._outlet)
        self._closed_reported = False
        self._error: AmqpError | None = None
        self._now = now
        self._pulse = Pulse()
        self._linger_until: float | None = None
        if not self._server:
            self._start_client(mechanism, credentials)

    def _start_client(self, mechanism: str | None, credentials: tuple[str, str] | None) -> None:
        if mechanism is None:
            self._send_headers_and_open()
            return
        self._sasl = SaslClient(mechanism, credentials, self._open.hostname)
        self._sasl_header_due = True
        self._outlet.write_raw(SASL_HEADER)

    def _send_headers_and_open(self) -> None:
        self._send_header()
        self._send_open()

    @property
    def sessions(self) -> dict[int, Session]:
        """The sessions that are not ended, by the peer's channel."""
        return self._channels.sessions

    @property
    def finished(self) -> bool:
        """Nothing more will be read or sent after `data_to_send` has been flushed."""
        return self.state is ConnectionState.END

    @property
    def closing(self) -> bool:
        """Our close was sent and the peer's has not come; see `CLOSE_LINGER`."""
        return self._linger_until is not None

    # --- the owner's loop -------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> None:
        """Take bytes from the peer, in pieces of any size. Never raises."""
        self._now = now
        self._reader.feed(data)
        self._read()

    def receive_eof(self) -> None:
        """The transport ended: `ConnectionClosed(None)` unless it was reported before."""
        self._finish(self._error)

    def data_to_send(self) -> bytes:
        """Take all bytes that are to be written to the peer now."""
        return self._outlet.take()

    def next_deadline(self) -> float | None:
        """When `handle_deadline` wants to be called, seconds since the epoch; None: never."""
        if self.finished:
            return None
        return self._pulse.deadline if self._linger_until is None else self._linger_until

    def handle_deadline(self, now: float) -> None:
        """Send an empty frame when half of the peer's idle-time-out has passed.

        Ends a closing connection whose peer has not answered for `CLOSE_LINGER` seconds.
        """
        self._now = now
        if self.finished:
            return
        if self._linger_until is not None:
            if now >= self._linger_until:
                self._finish(self._error)
        elif self._pulse.beats(now):
            self._outlet.write_raw(EMPTY_FRAME)

    # --- commands ---------------------------------------------------------------------------

    def authenticate(self, *, accepted: bool) -> None:
        """Answer `AuthenticationRequested`; refusing ends the connection.

        Raises:
            StateError: nobody asked.
        """
        sasl = self._sasl
        if not isinstance(sasl, SaslServer) or sasl.state is not SaslState.JUDGING:
            raise StateError("no authentication was requested")
        self._outlet.write_raw(sasl.judge(accepted=accepted))
        self._read()

    def begin(self, properties: dict[Any, Any] | None = None) -> Session:
        """Begin a session; `SessionBegun` follows when the peer agrees.

        Raises:
            StateError: the connection is closing, or all channels are taken.
        """
        if (self.state, Input.SEND_WORK) not in CONNECTION:
            raise StateError(f"cannot begin a session in state {self.state.name}")
        session = self._channels.new_session()
        if session is None:
            raise StateError("all channels are taken")
        session.begin(None, properties)
        return session

    def close(self, error: AmqpError | None = None) -> None:
        """Send close; `ConnectionClosed` follows when the peer agrees. Harmless twice.

        Before the peer's header has come there is nobody to tell: the connection just ends.
        """
        if self.state is ConnectionState.HDR_EXCH:
            self._send_open()
        self._error = error
        if (self.state, Input.SEND_CLOSE) in CONNECTION:
            self._say_close(error, Input.SEND_CLOSE)
        elif self._linger_until is None:
            self._finish(error)

    # --- bytes in ---------------------------------------------------------------------------

    def _read(self) -> None:
        while self.state is not ConnectionState.END:
            try:
                is_open = self.state is ConnectionState.OPENED  # as it nearly always is
                if not (self._read_frame() if is_open else self._read_one()):
                    return
                if is_open and self._reader.is_empty:
                    return
            except FramingError as error:
                self._fail(error)
                self._finish(self._error)
            except ProtocolError as error:  # the answer to our close may stand behind the fault
                self._fail(error)

    def _read_one(self) -> bool:
        """Read the next unit of the stream; tell whether there was one."""
        is_due = (self.state, Input.RECV_HEADER) in CONNECTION
        if self._sasl_header_due or (is_due and self._sasl_done()):
            return self._read_header()
        if not self._sasl_done():
            return self._read_sasl()
        return self._read_frame()

    def _sasl_done(self) -> bool:
        return self._sasl is None or self._sasl.state is SaslState.ACCEPTED

    def _read_header(self) -> bool:
        header = self._reader.take_header()
        if header is None:
            return False
        if self._sasl_header_due:
            if header != SASL_HEADER:
                raise FramingError("the server does not speak SASL")
            self._sasl_header_due = False
        elif header == SASL_HEADER and self._server and self._sasl is None:
            self._sasl = sasl = SaslServer()
            self._outlet.write_raw(SASL_HEADER + sasl.start())
        elif header == AMQP_HEADER:
            self.state = advance(CONNECTION, self.state, Input.RECV_HEADER)
            if self.state is ConnectionState.HDR_RCVD:
                self._send_header()
        else:
            self._refuse_header()
        return True

    def _refuse_header(self) -> None:
        if self.state is ConnectionState.START:
            self._outlet.write_raw(AMQP_HEADER)
        raise FramingError("a protocol header that is not AMQP 1.0's")

    def _read_sasl(self) -> bool:
        sasl = self._sasl
        if sasl is None or sasl.state is SaslState.JUDGING:
            return False
        if sasl.state is SaslState.REFUSED:
            self._finish(None)
            return False
        frame = self._reader.take_frame()
        if frame is None:
            return False
        if frame.kind != SASL_FRAME:
            raise FramingError(f"frame of type {frame.kind} in the SASL exchange")
        answer = sasl.receive(decode_sasl_frame(frame.data, frame.start, frame.end))
        self._outlet.write_raw(answer)
        self._after_sasl(sasl)
        return True

    def _after_sasl(self, sasl: SaslServer | SaslClient) -> None:
        if isinstance(sasl, SaslClient):
            if sasl.state is SaslState.ACCEPTED:
                self._send_headers_and_open()
        elif sasl.state is SaslState.JUDGING:
            request = AuthenticationRequested(sasl.mechanism, sasl.user or "", sasl.password)
            self._outlet.events.append(request)

    def _read_frame(self) -> bool:
        frame = self._reader.take_frame()
        if frame is None:
            return False
        kind, channel, data, start, end = frame
        if kind != AMQP_FRAME:
            raise FramingError(f"frame of type {kind} on an AMQP connection")
        if start == end:
            return True
        performative, position = decode_performative(data, start, end)
        if isinstance(performative, LINK_FRAMES) and self.state is ConnectionState.OPENED:
            session = self._channels.find(channel)
            if session is not None:
                session.receive(performative, data[position:end])
        else:
            self._dispatch(channel, performative)
        return True

    def _dispatch(self, channel: int, performative: Performative) -> None:
        if isinstance(performative, Open):
            self._on_open(performative)
        elif isinstance(performative, Close):
            self._on_close(performative)
        elif self.state is ConnectionState.OPENED and isinstance(performative, Begin | End):
            self._on_work(channel, performative)
        else:  # too early, or on its way before the peer saw our close
            self.state = advance(CONNECTION, self.state, Input.RECV_WORK)

    def _on_open(self, opened: Open) -> None:
        self.state = advance(CONNECTION, self.state, Input.RECV_OPEN)
        self._outlet.max_frame_size = max(MIN_MAX_FRAME_SIZE, opened.max_frame_size)
        self._channels.remote_channel_max = opened.channel_max
        if self.state is ConnectionState.OPEN_RCVD:
            self._send_open()
        if self.state is not ConnectionState.OPENED:
            return
        if opened.idle_time_out:
            self._pulse.start(opened.idle_time_out, self._now)
        user = self._sasl.user if isinstance(self._sasl, SaslServer) else None
        self._outlet.events.append(ConnectionOpened.by(opened, user))

    def _on_close(self, close: Close) -> None:
        self.state = advance(CONNECTION, self.state, Input.RECV_CLOSE)
        if self.state is ConnectionState.CLOSE_RCVD:
            self._say_close(None, Input.SEND_CLOSE)
        self._finish(close.error or self._error)

    def _on_work(self, channel: int, performative: Begin | End) -> None:
        if isinstance(performative, Begin):
            self._channels.on_begin(channel, performative)
        elif (session := self._channels.find(channel)) is not None:
            session.on_end(performative)
            self._channels.retire(channel)

    # --- bytes out --------------------------------------------------------------------------

    def _send_header(self) -> None:
        self.state = advance(CONNECTION, self.state, Input.SEND_HEADER)
        self._outlet.write_raw(AMQP_HEADER)

    def _send_open(self) -> None:
        self.state = advance(CONNECTION, self.state, Input.SEND_OPEN)
        self._outlet.write(0, encode_body(self._open))

    def _say_close(self, error: AmqpError | None, how: Input) -> None:
        self.state = advance(CONNECTION, self.state, how)
        self._channels.drop()
        self._outlet.write(0, encode_body(Close(error)))
        self._linger_until = self._now + CLOSE_LINGER

    def _fail(self, fault: ProtocolError) -> None:
        if self._closed_reported:
            self._finish(None)
            return
        self._error = error = AmqpError(fault.condition, fault.description)
        self._outlet.events.append(ProtocolFailed(fault.condition, fault.description))
        if self.state is ConnectionState.HDR_EXCH:
            self._send_open()
        if (self.state, Input.SEND_FAILURE) in CONNECTION:
            self._say_close(error, Input.SEND_FAILURE)
            self._report_closed(error)
        else:
            self._finish(error)

    def _finish(self, error: AmqpError | None) -> None:
        self.state = ConnectionState.END
        self._linger_until = None
        self._channels.drop()
        self._report_closed(error)

    def _report_closed(self, error: AmqpError | None) -> None:
        if not self._closed_reported:
            self._closed_reported = True
            self._outlet.events.append(ConnectionClosed(error))
