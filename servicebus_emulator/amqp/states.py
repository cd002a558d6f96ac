"""All transitions of connections, sessions and links, as data.

A pair of state and input that is missing from its table is illegal. Names of the states are the
specification's. Sources: AMQP 1.0 transport 2.4.6, 2.5.5, 2.6.3.
"""

from __future__ import annotations

from enum import Enum, auto


class ConnectionState(Enum):
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


class SessionState(Enum):
    """Transport 2.5.5."""

    UNMAPPED = auto()
    BEGIN_SENT = auto()
    BEGIN_RCVD = auto()
    MAPPED = auto()
    END_SENT = auto()
    END_RCVD = auto()
    DISCARDING = auto()


class LinkState(Enum):
    """The specification draws no picture for links (2.6.3, 2.6.6); these are its verbs."""

    DETACHED = auto()
    ATTACH_SENT = auto()
    ATTACH_RCVD = auto()
    ATTACHED = auto()
    DETACH_SENT = auto()
