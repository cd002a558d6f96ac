"""The sessions of a queue: messages of one session are for one receiver at a time, in order.

Source: https://learn.microsoft.com/azure/service-bus-messaging/message-sessions
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from servicebus_emulator.broker.errors import SessionCannotBeLocked, SessionLockLost
from servicebus_emulator.broker.timers import Timers
from servicebus_emulator.plain_data import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from uuid import UUID


@dataclass(eq=False, slots=True)
class SessionLock:
    """A receiver's hold on a session, and so on the messages that it was given.

    Attributes:
        until: Seconds since the epoch.
        is_lost: The time was over before the receiver let go.
        tokens: The locks of its messages.
    """

    session_id: str
    until: float
    is_lost: bool = False
    tokens: dict[UUID, None] = field(default_factory=dict)


@dataclass(slots=True, eq=False, repr=False)
class _Session(Record):
    available: list[int] = field(default_factory=list)  # heap of sequence numbers
    lock: SessionLock | None = None
    state: bytes | None = None
    updated_at: float = 0.0


class Sessions:
    """All sessions of a queue that have messages, a state or a receiver.

    Args:
        is_available: Whether the message of a sequence number can be received; numbers of those
            that cannot any more go lazily.
        note: Is told the sessions whose state has changed; None for nobody.

    Attributes:
        timers: When locks end.
    """

    def __init__(
        self, is_available: Callable[[int], bool], note: Callable[[str], None] | None = None
    ) -> None:
        self._note = note
        self.timers: Timers[SessionLock] = Timers()
        self._is_available = is_available
        self._sessions: dict[str, _Session] = {}
        self._open: dict[str, None] = {}  # with messages and without receiver, the first one first
        self._holders: dict[UUID, SessionLock] = {}
        self._news: dict[SessionLock, None] = {}

    # -- messages --------------------------------------------------------------------------------

    def put(self, session_id: str, sequence_number: int, now: float) -> None:
        """A message of a session can be received."""
        session = self._sessions.setdefault(session_id, _Session())
        heapq.heappush(session.available, sequence_number)
        session.updated_at = now
        if session.lock is None:
            self._open[session_id] = None
        else:
            self._news[session.lock] = None

    def take_first(self, lock: SessionLock) -> int | None:
        """The number of the first message of a session that is held; None without.

        Raises:
            SessionLockLost: It is not held any more.
        """
        session = self._held(lock.session_id)
        if session.lock is not lock:
            raise SessionLockLost
        return heapq.heappop(session.available) if self._has_messages(session) else None

    def bind(self, lock: SessionLock, token: UUID) -> None:
        """A message was given to the receiver of a session."""
        lock.tokens[token] = None
        self._holders[token] = lock

    def unbind(self, token: UUID) -> None:
        """The receiver has done with a message."""
        lock = self._holders.pop(token, None)
        if lock is not None:
            lock.tokens.pop(token, None)

    # -- locks -----------------------------------------------------------------------------------

    def accept(self, session_id: str, until: float) -> SessionLock:
        """Give a session to a receiver, even one without messages.

        Raises:
            SessionCannotBeLocked: Somebody else has it.
        """
        session = self._sessions.setdefault(session_id, _Session())
        if session.lock is not None:
            raise SessionCannotBeLocked(session_id)
        self._open.pop(session_id, None)
        session.lock = SessionLock(session_id, until)
        self.timers.set(session.lock, until)
        return session.lock

    def accept_next(self, until: float) -> SessionLock | None:
        """Give some session with messages that nobody has; None when there is none."""
        while self._open:
            session_id = next(iter(self._open))
            if self._has_messages(self._sessions[session_id]):
                return self.accept(session_id, until)
            self._tidy(session_id)
        return None

    def held(self, session_id: str) -> SessionLock:
        """The hold on a session.

        Raises:
            SessionLockLost: Nobody has it.
        """
        lock = self._held(session_id).lock
        if lock is None:  # pragma: no cover (for the types: _held has looked)
            raise SessionLockLost
        return lock

    def renew(self, session_id: str, until: float) -> None:
        """Hold a session longer.

        Raises:
            SessionLockLost: Nobody has it.
        """
        lock = self.held(session_id)
        lock.until = until
        if self.timers.get(lock) is not None:
            self.timers.set(lock, until)

    def keep(self, lock: SessionLock) -> None:
        """Let a session be held for as long as its receiver is there."""
        self.timers.cancel(lock)

    def release(self, lock: SessionLock) -> None:
        """The receiver has let a session go; it may have lost it before."""
        session = self._sessions.get(lock.session_id)
        if session is None or session.lock is not lock:
            return
        session.lock = None
        self.timers.cancel(lock)
        if session.available:
            self._open[lock.session_id] = None
        self._tidy(lock.session_id)

    def expire(self, now: float) -> Iterator[SessionLock]:
        """End the locks whose time is over; each is told once, with its messages still bound."""
        while (lock := self.timers.pop_due(now)) is not None:
            lock.is_lost = True
            self._news[lock] = None
            yield lock
            self.release(lock)

    def lose_all(self) -> list[SessionLock]:
        """Nobody holds anything any more, no messages either; the locks that there were."""
        lost = [each.lock for each in self._sessions.values() if each.lock is not None]
        for lock in lost:
            lock.is_lost = True
            lock.tokens.clear()
        return lost

    # -- news for receivers ----------------------------------------------------------------------

    def tell(self, locks: Iterable[SessionLock]) -> None:
        """See that the receivers of sessions hear of them."""
        self._news.update(dict.fromkeys(locks))

    def take_news(self) -> list[SessionLock]:
        """The locks that were lost since the last call, or in whose sessions messages came."""
        news = list(self._news)
        self._news.clear()
        return news

    # -- state and list --------------------------------------------------------------------------

    def state(self, session_id: str) -> bytes | None:
        """What the receiver of a session has noted.

        Raises:
            SessionLockLost: Nobody has it.
        """
        return self._held(session_id).state

    def set_state(self, session_id: str, state: bytes | None, now: float) -> None:
        """Note something with a session, or nothing any more.

        Raises:
            SessionLockLost: Nobody has it.
        """
        session = self._held(session_id)
        session.state = state
        session.updated_at = now
        if self._note is not None:
            self._note(session_id)

    def saved_state(self, session_id: str) -> tuple[bytes, float] | None:
        """What is noted with a session, and when that was; None for nothing."""
        session = self._sessions.get(session_id)
        if session is None or session.state is None:
            return None
        return session.state, session.updated_at

    def restore(self, session_id: str, state: bytes, updated_at: float) -> None:
        """Take over what was noted with a session."""
        session = self._sessions.setdefault(session_id, _Session())
        session.state = state
        session.updated_at = max(session.updated_at, updated_at)

    def list(self, updated_after: float | None) -> list[str]:
        """The sessions, by id: those with messages or a state, or those changed after a time."""
        if updated_after is not None:
            found = [
                name for name, each in self._sessions.items() if each.updated_at > updated_after
            ]
        else:
            found = [
                name
                for name, each in self._sessions.items()
                if each.state is not None or self._has_messages(each) or self._gave(each)
            ]
        return sorted(found)

    @staticmethod
    def _gave(session: _Session) -> bool:
        """Whether the receiver has messages of the session, which count as active."""
        return session.lock is not None and bool(session.lock.tokens)

    def _held(self, session_id: str) -> _Session:
        session = self._sessions.get(session_id)
        if session is None or session.lock is None:
            raise SessionLockLost
        return session

    def _has_messages(self, session: _Session) -> bool:
        """Whether a message can be received; drops numbers of those that cannot."""
        available = session.available
        while available and not self._is_available(available[0]):
            heapq.heappop(available)
        return bool(available)

    def _tidy(self, session_id: str) -> None:
        """Forget a session about which there is nothing to remember."""
        session = self._sessions[session_id]
        if session.lock is None and not self._has_messages(session):
            self._open.pop(session_id, None)
            if session.state is None:
                del self._sessions[session_id]
