"""The SASL exchange before AMQP, both roles (AMQP 1.0 security 5.3)."""

from __future__ import annotations

from typing import Final

from servicebus_emulator.amqp.errors import (
    NOT_ALLOWED,
    NOT_IMPLEMENTED,
    UNAUTHORIZED_ACCESS,
    ProtocolError,
)
from servicebus_emulator.amqp.framing import SASL_FRAME, encode_frame
from servicebus_emulator.amqp.sasl_frames import SaslInit, SaslMechanisms, SaslOutcome
from servicebus_emulator.amqp.schemas import SaslFrame, encode_body
from servicebus_emulator.amqp.states import SASL, Input, SaslState, advance

#: What Service Bus offers, in its order.
MECHANISMS: Final = ("MSSBCBS", "PLAIN", "ANONYMOUS", "EXTERNAL")
#: Nothing to judge: who the client is will be told to the claims-based security node.
_ANONYMOUS: Final = frozenset(("MSSBCBS", "ANONYMOUS"))

OUTCOME_OK: Final = 0
OUTCOME_AUTH: Final = 1
_PLAIN_PARTS = 3


def _frame(frame: SaslFrame) -> bytes:
    return encode_frame(encode_body(frame), kind=SASL_FRAME)


def read_plain(response: bytes) -> tuple[str, str] | None:
    """Read user and password of a PLAIN response (RFC 4616); None when it is malformed."""
    parts = response.split(b"\x00")
    if len(parts) != _PLAIN_PARTS:
        return None
    try:
        return parts[1].decode(), parts[2].decode()
    except UnicodeDecodeError:
        return None


class SaslServer:
    """The server's side.

    Attributes:
        state: ACCEPTED and REFUSED are final; JUDGING waits for `judge`.
        mechanism: the client's choice.
        user: of PLAIN.
        password: of PLAIN.
    """

    def __init__(self) -> None:
        self.state = SaslState.EXPECT_INIT
        self.mechanism = ""
        self.user: str | None = None
        self.password = ""

    def start(self) -> bytes:
        """Return the frame that offers the mechanisms."""
        return _frame(SaslMechanisms(MECHANISMS))

    def receive(self, frame: SaslFrame) -> bytes:
        """Take the client's frame; return the answer, none while the choice is to be judged.

        Raises:
            ProtocolError: any frame but an init, or a second one.
        """
        if not isinstance(frame, SaslInit):
            raise ProtocolError(NOT_ALLOWED, f"{type(frame).__name__} from a SASL client")
        self.state = advance(SASL, self.state, Input.RECV_INIT)
        self.mechanism = frame.mechanism
        if frame.mechanism in _ANONYMOUS:
            return self.judge(accepted=True)
        plain = read_plain(frame.initial_response or b"") if frame.mechanism == "PLAIN" else None
        if plain is None:
            return self.judge(accepted=False)
        self.user, self.password = plain
        return b""

    def judge(self, *, accepted: bool) -> bytes:
        """Return the outcome frame."""
        self.state = advance(SASL, self.state, Input.ACCEPT if accepted else Input.REFUSE)
        return _frame(SaslOutcome(OUTCOME_OK if accepted else OUTCOME_AUTH))


class SaslClient:
    """The client's side: PLAIN with credentials, everything else with an empty response."""

    def __init__(
        self, mechanism: str, credentials: tuple[str, str] | None, hostname: str | None
    ) -> None:
        self.state = SaslState.EXPECT_MECHANISMS
        self._mechanism = mechanism
        self._response = b""
        if credentials is not None:
            self._response = b"\x00" + "\x00".join(credentials).encode()
        self._hostname = hostname

    def receive(self, frame: SaslFrame) -> bytes:
        """Take the server's frame; return the answer.

        Raises:
            ProtocolError: the mechanism is not offered, the client is refused, or the frame
                has no place here.
        """
        if isinstance(frame, SaslMechanisms):
            self.state = advance(SASL, self.state, Input.RECV_MECHANISMS)
            if self._mechanism not in frame.mechanisms:
                raise ProtocolError(NOT_IMPLEMENTED, f"{self._mechanism} is not offered")
            return _frame(SaslInit(self._mechanism, self._response, self._hostname))
        if not isinstance(frame, SaslOutcome):
            raise ProtocolError(NOT_ALLOWED, f"{type(frame).__name__} from a SASL server")
        if frame.code != OUTCOME_OK:
            self.state = advance(SASL, self.state, Input.REFUSE)
            raise ProtocolError(UNAUTHORIZED_ACCESS, f"SASL outcome {frame.code}")
        self.state = advance(SASL, self.state, Input.RECV_OUTCOME)
        return b""
