"""What messages wait in until somebody receives them: in order, by session, until they expire.

Source: https://learn.microsoft.com/azure/service-bus-messaging/message-expiration and
https://learn.microsoft.com/azure/service-bus-messaging/message-browsing
"""

from __future__ import annotations

import heapq
from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING

from servicebus_emulator.broker.entities import FOREVER
from servicebus_emulator.broker.intake import Intake
from servicebus_emulator.broker.message import Message, MessageState
from servicebus_emulator.broker.sessions import SessionLock, Sessions
from servicebus_emulator.broker.timers import Timers

if TYPE_CHECKING:
    from servicebus_emulator.broker.entities import OutletDescription
    from servicebus_emulator.broker.surroundings import Surroundings

TTL_EXPIRED = "TTLExpiredException"
SESSION_ID_MISSING = "Session id is null."


class Shelf(Intake):
    """Messages that are available to receivers, and those that will be.

    Args:
        path: As it was created, upper and lower case kept.
        description: Its properties.
        surroundings: What it shares with the other entities.
        now: When it was created.
        has_sessions: Messages are received by session.
        is_final: Nothing expires here, and no delivery is the last one.

    Attributes:
        sessions: What it knows of sessions; None when it has none.
    """

    description: OutletDescription

    def __init__(
        self,
        path: str,
        description: OutletDescription,
        surroundings: Surroundings,
        now: float,
        *,
        has_sessions: bool,
        is_final: bool,
    ) -> None:
        super().__init__(path, description, surroundings, now)
        self._is_final = is_final
        self._available: list[int] = []  # heap of sequence numbers; taken ones go lazily
        self._expiry: Timers[Message] = Timers()
        self.sessions = self._new_sessions() if has_sessions else None

    def __len__(self) -> int:
        return len(self._store)

    @property
    def size_in_bytes(self) -> int:
        """The sum of the messages' sizes, dead letters not included."""
        return self._store.size_in_bytes

    def peek(
        self, from_sequence_number: int, count: int, now: float, session_id: str | None = None
    ) -> list[Message]:
        """Up to `count` messages (of a session) from that number on, in any state, untouched."""
        self.expire(now)
        self.accessed_at = now
        found: list[Message] = []
        for message in self._store.starting_at(from_sequence_number):
            if len(found) >= count:
                break
            if session_id is None or message.session_id == session_id:
                found.append(message)
        return found

    def purge(
        self, count: int, enqueued_before: float, now: float, session_id: str | None = None
    ) -> int:
        """Remove up to `count` active messages that nobody has locked, the oldest first.

        Args:
            count: The most to remove.
            enqueued_before: Only those that came before this time.
            now: Seconds since the epoch.
            session_id: Only those of this session, if it is given.

        Returns:
            How many were removed.
        """
        self._check_receivable()
        self.expire(now)
        self.accessed_at = now
        doomed: list[Message] = []
        for message in self._store.starting_at(0):
            if len(doomed) >= count:
                break
            if (
                self._is_available(message.sequence_number)
                and message.enqueued_at < enqueued_before
                and (session_id is None or message.session_id == session_id)
            ):
                doomed.append(message)
        for message in doomed:
            self._remove(message)
        return len(doomed)

    def clear(self) -> None:
        """Remove all messages; who has a session has lost it."""
        super().clear()
        self._available = []
        self._expiry = Timers()
        if self.sessions is not None:
            lost = self.sessions.lose_all()
            self.sessions = self._new_sessions()
            self.sessions.tell(lost)
            self._agenda.ready(self)

    # -- inside ----------------------------------------------------------------------------------

    @abstractmethod
    def _bury(
        self, message: Message, now: float, reason: str | None, description: str | None
    ) -> None:
        """Take a dead message, which is here and perhaps locked, to where it belongs."""

    @abstractmethod
    def _divert(self, message: Message, now: float) -> bool:
        """Send a message elsewhere that has become available; whether that was done."""

    @abstractmethod
    def _unlock(self, message: Message) -> None:
        """End a receiver's hold on a message, if there is one."""

    def _check_receivable(self) -> None:
        if not self._can_receive:
            raise self._disabled("receive")

    def _enqueue(self, message: Message, now: float) -> None:
        """Append a message to the queue, as if it had just arrived."""
        self._number(message, now)
        message.state = MessageState.ACTIVE
        lifetime = self._lifetime  # a ceiling, too
        if message.time_to_live is not None:
            lifetime = min(message.time_to_live, lifetime)
        message.expires_at = None if lifetime >= FOREVER else now + lifetime
        self._store.add(message)
        self._make_available(message, now)

    def _make_available(self, message: Message, now: float) -> None:
        """Let receivers have an unlocked message, if it is theirs to have and still alive."""
        if message.state is MessageState.DEFERRED:
            return
        if message.expires_at is not None and self._has_expired(message, now):
            self._end_expired(message, now)
            return
        if self._divert(message, now):
            return
        if self.sessions is not None and message.session_id is None:
            self._bury(message, now, SESSION_ID_MISSING, "The queue requires sessions.")
            return
        self._put_out(message, now)

    def restore_message(self, message: Message) -> None:
        """Take a message that was saved, in the state in which it was; nobody has it locked."""
        super().restore_message(message)
        if message.state is MessageState.ACTIVE:
            self._put_out(message, message.enqueued_at)

    def _put_out(self, message: Message, now: float) -> None:
        """Put a message where receivers find it, for as long as it lives."""
        if message.expires_at is not None and not self._is_final:
            self._expiry.set(message, message.expires_at)
            self._remind(message.expires_at)
        if self.sessions is None or message.session_id is None:
            heapq.heappush(self._available, message.sequence_number)
        else:
            self.sessions.put(message.session_id, message.sequence_number, now)
        self._agenda.ready(self)

    def _new_sessions(self) -> Sessions:
        journal = self._journal
        if journal is None:
            return Sessions(self._is_available)
        return Sessions(self._is_available, partial(journal.note_session, self))

    def _has_expired(self, message: Message, now: float) -> bool:
        """Whether a message's life is over."""
        return not self._is_final and message.has_expired(now)

    def _is_available(self, sequence_number: int) -> bool:
        message = self._store.get(sequence_number)
        return message is not None and message.lock is None and message.state is MessageState.ACTIVE

    def _take_first_of(self, session: SessionLock) -> Message | None:
        number = self.sessions.take_first(session) if self.sessions is not None else None
        return None if number is None else self._store.get(number)

    def _take_first(self) -> Message | None:
        available = self._available
        while available:
            message = self._store.get(heapq.heappop(available))
            if message is not None and message.lock is None:
                return message
        return None

    def _end_expired(self, message: Message, now: float) -> None:
        if self.description.dead_lettering_on_message_expiration:
            self._bury(message, now, TTL_EXPIRED, "The message expired and was dead lettered.")
        else:
            self._remove(message)

    def _remove(self, message: Message) -> None:
        self._unlock(message)
        self._expiry.cancel(message)
        self._store.remove(message)
