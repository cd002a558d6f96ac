"""Whether the peer lives, and whether it knows that this end does; no I/O, no clock."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

IDLE_SECONDS = 60.0
"""The silence that this end asks the peer not to exceed."""

_SHORTEST_PEER_IDLE = 1.0
_HANDSHAKE_SECONDS, _SILENT_HANDSHAKE_SECONDS = 20.0, 4.0
_QUIET_SECONDS, _QUIET_IDLE_SECONDS = 1.5, 40.0
_ECHO_SECONDS = 2.0
"""A peer that is quiet while something is owed (or for long when nothing is) is asked for an echo:
one that has gone without a word, as behind a firewall, is noticed before whoever waits gives up."""

_SLOWEST_BYTES = 50_000
"""Per second: what was written last may be on its way still."""


class Need(Enum):
    """What is to be done about a peer."""

    NOTHING = auto()
    SIGN_OF_LIFE = auto()
    ECHO = auto()
    END = auto()


class Pulse:
    """What is known of a peer's life.

    Args:
        now: When the connection begins.
    """

    def __init__(self, now: float) -> None:
        self._peer_idle: float | None = None
        self._heard_at = self._spoke_at = now
        self._asked_at: float | None = None
        self._unheard = 0
        self._opened_by = now + _HANDSHAKE_SECONDS

    def heard(self, now: float) -> None:
        """The peer has said something."""
        self._heard_at, self._asked_at, self._unheard = now, None, 0

    def wrote(self, count: int) -> None:
        """So many bytes are on their way to the peer."""
        self._unheard += count

    def opened(self, now: float) -> None:
        """This end has spoken for the last time before the peer counts its silence."""
        self._spoke_at = now

    def expects(self, idle_milliseconds: int | None) -> None:
        """The peer asks not to be left without a word for longer than that; None for ever."""
        if idle_milliseconds:
            self._peer_idle = max(idle_milliseconds / 1000, _SHORTEST_PEER_IDLE)

    def deadline(self, *, is_open: bool) -> float:
        """When to look at the latest."""
        if not is_open:
            return min(self._opened_by, self._heard_at + _SILENT_HANDSHAKE_SECONDS)
        silent_at = self._heard_at + 1.5 * IDLE_SECONDS
        if self._peer_idle is None:
            return silent_at
        return min(silent_at, self._spoke_at + self._peer_idle / 2)

    def look(self, now: float, *, is_open: bool, is_owed: Callable[[], bool]) -> Need:
        """What is needed now; what it asks for, the caller says.

        Args:
            now: The time.
            is_open: Whether the handshake is over.
            is_owed: Tells whether the peer has yet to answer something.
        """
        if not is_open:
            return Need.END if now >= self.deadline(is_open=False) else Need.NOTHING
        if now >= self._heard_at + 1.5 * IDLE_SECONDS or self._has_no_echo(now):
            return Need.END
        if self._asked_at is None and self._is_suspect(now, is_owed):
            self._asked_at = self._spoke_at = now
            return Need.ECHO
        if self._peer_idle is not None and now >= self._spoke_at + self._peer_idle / 2:
            self._spoke_at = now
            return Need.SIGN_OF_LIFE
        return Need.NOTHING

    def _has_no_echo(self, now: float) -> bool:
        if self._asked_at is None:
            return False
        return now >= self._asked_at + _ECHO_SECONDS + self._unheard / _SLOWEST_BYTES

    def _is_suspect(self, now: float, is_owed: Callable[[], bool]) -> bool:
        """Whether the peer has been quiet for longer than it should."""
        quiet = now - self._heard_at
        return quiet >= _QUIET_IDLE_SECONDS or (quiet >= _QUIET_SECONDS and is_owed())
