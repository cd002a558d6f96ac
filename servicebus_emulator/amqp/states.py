"""All transitions of connections, sessions and links, as data.

A pair of state and input that is missing from its table is illegal. Names of the states are the
specification's. Sources: AMQP 1.0 transport 2.4.6, 2.5.5, 2.6.3.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final, TypeVar

from servicebus_emulator.amqp.errors import ILLEGAL_STATE, NOT_ALLOWED, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Named(Enum):
    """An enumeration whose members are keys on the way of every frame.

    Each member exists once, so its identity will do; the standard's hash is a call in Python.
    """

    __hash__ = object.__hash__


class ConnectionState(_Named):
    """Transport 2.4.6."""

    START = auto()
    HDR_RCVD = auto()
    HDR_SENT = auto()
    HDR_EXCH = auto()
    OPEN_PIPE = auto()
    OC_PIPE = auto()
    OPEN_RCVD = auto()
    OPEN_SENT = auto()
    CLOSE_PIPE = auto()
    OPENED = auto()
    CLOSE_RCVD = auto()
    CLOSE_SENT = auto()
    DISCARDING = auto()
    END = auto()


class SessionState(_Named):
    """Transport 2.5.5."""

    UNMAPPED = auto()
    BEGIN_SENT = auto()
    BEGIN_RCVD = auto()
    MAPPED = auto()
    END_SENT = auto()
    END_RCVD = auto()
    DISCARDING = auto()


class LinkState(_Named):
    """The specification draws no picture for links (2.6.3, 2.6.6); these are its verbs."""

    DETACHED = auto()
    ATTACH_SENT = auto()
    ATTACH_RCVD = auto()
    ATTACHED = auto()
    DETACH_SENT = auto()
    DETACH_RCVD = auto()


class SaslState(_Named):
    """The exchange before the AMQP header (security 5.3.2); the judge is our own caller."""

    EXPECT_MECHANISMS = auto()
    EXPECT_INIT = auto()
    JUDGING = auto()
    EXPECT_OUTCOME = auto()
    ACCEPTED = auto()
    REFUSED = auto()


class Input(_Named):
    """What can happen to an endpoint. `WORK` is any frame that belongs to what it carries."""

    RECV_HEADER = auto()
    SEND_HEADER = auto()
    RECV_OPEN = auto()
    SEND_OPEN = auto()
    RECV_CLOSE = auto()
    SEND_CLOSE = auto()
    RECV_BEGIN = auto()
    SEND_BEGIN = auto()
    RECV_END = auto()
    SEND_END = auto()
    RECV_ATTACH = auto()
    SEND_ATTACH = auto()
    RECV_DETACH = auto()
    SEND_DETACH = auto()
    RECV_FLOW = auto()
    SEND_FLOW = auto()
    RECV_TRANSFER = auto()
    SEND_TRANSFER = auto()
    RECV_WORK = auto()
    SEND_WORK = auto()
    SEND_FAILURE = auto()
    RECV_MECHANISMS = auto()
    SEND_INIT = auto()
    RECV_INIT = auto()
    RECV_OUTCOME = auto()
    ACCEPT = auto()
    REFUSE = auto()


_C = ConnectionState
CONNECTION: Final[Mapping[tuple[ConnectionState, Input], ConnectionState]] = {
    (_C.START, Input.RECV_HEADER): _C.HDR_RCVD,
    (_C.START, Input.SEND_HEADER): _C.HDR_SENT,
    (_C.HDR_RCVD, Input.SEND_HEADER): _C.HDR_EXCH,
    (_C.HDR_SENT, Input.RECV_HEADER): _C.HDR_EXCH,
    (_C.HDR_SENT, Input.SEND_OPEN): _C.OPEN_PIPE,
    (_C.HDR_EXCH, Input.RECV_OPEN): _C.OPEN_RCVD,
    (_C.HDR_EXCH, Input.SEND_OPEN): _C.OPEN_SENT,
    (_C.OPEN_PIPE, Input.RECV_HEADER): _C.OPEN_SENT,
    (_C.OPEN_PIPE, Input.SEND_WORK): _C.OPEN_PIPE,
    (_C.OPEN_PIPE, Input.SEND_CLOSE): _C.OC_PIPE,
    (_C.OPEN_PIPE, Input.SEND_FAILURE): _C.OC_PIPE,
    (_C.OC_PIPE, Input.RECV_HEADER): _C.CLOSE_PIPE,
    (_C.OPEN_RCVD, Input.SEND_OPEN): _C.OPENED,
    (_C.OPEN_SENT, Input.RECV_OPEN): _C.OPENED,
    (_C.OPEN_SENT, Input.SEND_WORK): _C.OPEN_SENT,
    (_C.OPEN_SENT, Input.SEND_CLOSE): _C.CLOSE_PIPE,
    (_C.OPEN_SENT, Input.SEND_FAILURE): _C.DISCARDING,
    (_C.CLOSE_PIPE, Input.RECV_OPEN): _C.CLOSE_SENT,
    (_C.OPENED, Input.RECV_WORK): _C.OPENED,
    (_C.OPENED, Input.SEND_WORK): _C.OPENED,
    (_C.OPENED, Input.RECV_CLOSE): _C.CLOSE_RCVD,
    (_C.OPENED, Input.SEND_CLOSE): _C.CLOSE_SENT,
    (_C.OPENED, Input.SEND_FAILURE): _C.DISCARDING,
    (_C.CLOSE_RCVD, Input.SEND_CLOSE): _C.END,
    # What was on its way before the peer saw our close is read and forgotten.
    (_C.CLOSE_SENT, Input.RECV_WORK): _C.CLOSE_SENT,
    (_C.CLOSE_SENT, Input.RECV_CLOSE): _C.END,
    (_C.DISCARDING, Input.RECV_OPEN): _C.DISCARDING,
    (_C.DISCARDING, Input.RECV_WORK): _C.DISCARDING,
    (_C.DISCARDING, Input.RECV_CLOSE): _C.END,
}

_S = SessionState
SESSION: Final[Mapping[tuple[SessionState, Input], SessionState]] = {
    (_S.UNMAPPED, Input.RECV_BEGIN): _S.BEGIN_RCVD,
    (_S.UNMAPPED, Input.SEND_BEGIN): _S.BEGIN_SENT,
    (_S.BEGIN_RCVD, Input.SEND_BEGIN): _S.MAPPED,
    (_S.BEGIN_SENT, Input.RECV_BEGIN): _S.MAPPED,
    (_S.BEGIN_SENT, Input.SEND_WORK): _S.BEGIN_SENT,
    (_S.BEGIN_SENT, Input.SEND_END): _S.END_SENT,
    (_S.BEGIN_SENT, Input.SEND_FAILURE): _S.DISCARDING,
    (_S.MAPPED, Input.RECV_WORK): _S.MAPPED,
    (_S.MAPPED, Input.SEND_WORK): _S.MAPPED,
    (_S.MAPPED, Input.RECV_END): _S.END_RCVD,
    (_S.MAPPED, Input.SEND_END): _S.END_SENT,
    (_S.MAPPED, Input.SEND_FAILURE): _S.DISCARDING,
    (_S.END_RCVD, Input.SEND_END): _S.UNMAPPED,
    # The answer to our begin, after an end that we pipelined.
    (_S.END_SENT, Input.RECV_BEGIN): _S.END_SENT,
    (_S.END_SENT, Input.RECV_WORK): _S.END_SENT,
    (_S.END_SENT, Input.RECV_END): _S.UNMAPPED,
    (_S.DISCARDING, Input.RECV_BEGIN): _S.DISCARDING,
    (_S.DISCARDING, Input.RECV_WORK): _S.DISCARDING,
    (_S.DISCARDING, Input.RECV_END): _S.UNMAPPED,
}

_L = LinkState
LINK: Final[Mapping[tuple[LinkState, Input], LinkState]] = {
    (_L.DETACHED, Input.RECV_ATTACH): _L.ATTACH_RCVD,
    (_L.DETACHED, Input.SEND_ATTACH): _L.ATTACH_SENT,
    (_L.ATTACH_RCVD, Input.SEND_ATTACH): _L.ATTACHED,
    # Receivers may pipeline attach and flow.
    (_L.ATTACH_RCVD, Input.RECV_FLOW): _L.ATTACH_RCVD,
    (_L.ATTACH_RCVD, Input.RECV_DETACH): _L.DETACH_RCVD,
    (_L.ATTACH_SENT, Input.RECV_ATTACH): _L.ATTACHED,
    (_L.ATTACH_SENT, Input.SEND_DETACH): _L.DETACH_SENT,
    (_L.ATTACHED, Input.RECV_FLOW): _L.ATTACHED,
    (_L.ATTACHED, Input.SEND_FLOW): _L.ATTACHED,
    (_L.ATTACHED, Input.RECV_TRANSFER): _L.ATTACHED,
    (_L.ATTACHED, Input.SEND_TRANSFER): _L.ATTACHED,
    (_L.ATTACHED, Input.RECV_DETACH): _L.DETACH_RCVD,
    (_L.ATTACHED, Input.SEND_DETACH): _L.DETACH_SENT,
    (_L.DETACH_RCVD, Input.SEND_DETACH): _L.DETACHED,
    (_L.DETACH_SENT, Input.RECV_ATTACH): _L.DETACH_SENT,
    (_L.DETACH_SENT, Input.RECV_FLOW): _L.DETACH_SENT,
    (_L.DETACH_SENT, Input.RECV_TRANSFER): _L.DETACH_SENT,
    (_L.DETACH_SENT, Input.RECV_DETACH): _L.DETACHED,
}

_A = SaslState
SASL: Final[Mapping[tuple[SaslState, Input], SaslState]] = {
    (_A.EXPECT_MECHANISMS, Input.RECV_MECHANISMS): _A.EXPECT_OUTCOME,
    (_A.EXPECT_OUTCOME, Input.RECV_OUTCOME): _A.ACCEPTED,
    (_A.EXPECT_OUTCOME, Input.REFUSE): _A.REFUSED,
    (_A.EXPECT_INIT, Input.RECV_INIT): _A.JUDGING,
    (_A.JUDGING, Input.ACCEPT): _A.ACCEPTED,
    (_A.JUDGING, Input.REFUSE): _A.REFUSED,
}

S = TypeVar("S", bound=Enum)


def advance(table: Mapping[tuple[S, Input], S], state: S, event: Input) -> S:
    """Return the state after `event`.

    Raises:
        ProtocolError: the peer's input is illegal here (amqp:not-allowed), or our own command
            is (amqp:illegal-state).
    """
    try:
        return table[state, event]
    except KeyError:
        condition = NOT_ALLOWED if event.name.startswith("RECV") else ILLEGAL_STATE
        raise ProtocolError(condition, f"{event.name} in state {state.name}") from None
