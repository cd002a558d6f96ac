"""Which session of a connection is on which channel (AMQP 1.0 transport 2.5.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from servicebus_emulator.amqp.errors import FRAMING_ERROR, NOT_ALLOWED, ProtocolError
from servicebus_emulator.amqp.session import Session

if TYPE_CHECKING:
    from servicebus_emulator.amqp.outlet import Outlet
    from servicebus_emulator.amqp.performatives import Begin


class Channels:
    """The sessions that are not ended. Each end numbers them by itself.

    Attributes:
        sessions: by the peer's channel, those that it has begun or answered.
        remote_channel_max: the highest channel that the peer accepts.
    """

    def __init__(self, channel_max: int, outlet: Outlet) -> None:
        self.sessions: dict[int, Session] = {}
        self.remote_channel_max = channel_max
        self._channel_max = channel_max
        self._outlet = outlet
        self._begun: dict[int, Session] = {}  # by our channel
        self._retired: set[int] = set()  # of the peer's

    def new_session(self) -> Session | None:
        """Make a session on the lowest free channel of ours; None if all are taken."""
        for channel in range(min(self._channel_max, self.remote_channel_max) + 1):
            if channel not in self._begun:
                session = self._begun[channel] = Session(channel, self._outlet)
                return session
        return None

    def on_begin(self, channel: int, begin: Begin) -> None:
        """Take the peer's begin: of a session of its own, or the answer to ours.

        Raises:
            ProtocolError: the channel is above our limit or taken, all of ours are taken, or
                it answers nothing.
        """
        if channel > self._channel_max:
            raise ProtocolError(FRAMING_ERROR, f"channel {channel} above channel-max")
        if channel in self.sessions:
            raise ProtocolError(NOT_ALLOWED, f"channel {channel} has a session")
        if begin.remote_channel is None:
            session = self.new_session()
            if session is None:
                raise ProtocolError(NOT_ALLOWED, "more sessions than the peer's own channel-max")
        elif begin.remote_channel in self._begun:
            session = self._begun[begin.remote_channel]
        else:
            raise ProtocolError(NOT_ALLOWED, f"no begin on channel {begin.remote_channel}")
        session.on_begin(begin, channel)
        self._retired.discard(channel)
        self.sessions[channel] = session

    def find(self, channel: int) -> Session | None:
        """Return the session on a channel of the peer's; None if it has ended.

        Clients send detach after end: an ended session is deaf, a never begun one a fault.

        Raises:
            ProtocolError: no session was ever begun on it.
        """
        session = self.sessions.get(channel)
        if session is None and channel not in self._retired:
            raise ProtocolError(NOT_ALLOWED, f"no session on channel {channel}")
        return session

    def retire(self, channel: int) -> None:
        """Forget a session that has ended, by the peer's channel."""
        self._retired.add(channel)
        del self._begun[self.sessions.pop(channel).channel]

    def drop(self) -> None:
        """Forget all sessions: the connection is gone."""
        for session in self._begun.values():
            session.drop()
        self._begun.clear()
        self.sessions.clear()
