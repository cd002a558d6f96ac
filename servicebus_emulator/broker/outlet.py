"""What messages are received from: who gets which one, under which lock, and how it ends.

Every operation takes `now`, in seconds since the epoch, and first does what has become due by then.
Source: https://learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement,
message-sequencing, message-deferral and message-expiration there.
"""

from __future__ import annotations

import heapq
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from servicebus_emulator.broker.entities import FOREVER
from servicebus_emulator.broker.errors import (
    MessageLockLost,
    MessageNotFound,
    OperationNotAllowed,
    SessionLockLost,
)
from servicebus_emulator.broker.intake import Intake
from servicebus_emulator.broker.message import Lock, Message, MessageState, ReceiveMode
from servicebus_emulator.broker.sessions import SessionLock, Sessions
from servicebus_emulator.broker.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from servicebus_emulator.broker.entities import OutletDescription
    from servicebus_emulator.broker.surroundings import Surroundings

MAX_DELIVERY_COUNT_EXCEEDED = "MaxDeliveryCountExceeded"
TTL_EXPIRED = "TTLExpiredException"
SESSION_ID_MISSING = "Session id is null."


class Outlet(Intake):
    """Messages, their locks and their sessions; where dead ones go is for others to say.

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
        self._locks: dict[UUID, Message] = {}
        self._lock_timers: Timers[UUID] = Timers()
        self._expiry: Timers[Message] = Timers()
        self.sessions = Sessions(self._is_available) if has_sessions else None

    def __len__(self) -> int:
        return len(self._store)

    @property
    def size_in_bytes(self) -> int:
        """The sum of the messages' sizes, dead letters not included."""
        return self._store.size_in_bytes

    @property
    def locked_count(self) -> int:
        """How many messages are locked."""
        return len(self._locks)

    # -- receiving -------------------------------------------------------------------------------

    def receive(
        self, mode: ReceiveMode, now: float, session: SessionLock | None = None
    ) -> Message | None:
        """Deliver the first available message, if there is one.

        In peek-lock mode its `lock` names the token for settling it.

        Raises:
            EntityDisabled: The queue's status forbids it.
            SessionLockLost: `session` is not held any more.
            OperationNotAllowed: The queue has sessions, and `session` is None.
        """
        self._check_receivable()
        self.expire(now)
        self.accessed_at = now
        if session is not None:
            message = self._take_first_of(session)
        elif self.sessions is None:
            message = self._take_first()
        else:
            raise self._sessionful()
        if message is not None:
            self._deliver(message, mode, now, session)
        return message

    def receive_deferred(
        self,
        sequence_numbers: Sequence[int],
        mode: ReceiveMode,
        now: float,
        session_id: str | None = None,
    ) -> list[Message]:
        """Deliver deferred messages by their numbers, all or none.

        Raises:
            EntityDisabled: The queue's status forbids it.
            MessageNotFound: One of them is not deferred, is locked, has expired, or is not of the
                session.
            SessionLockLost: Nobody holds the session.
        """
        self._check_receivable()
        self.expire(now)
        self.accessed_at = now
        session = None
        if self.sessions is not None:
            session = self.sessions.held(session_id or "")
        messages = self._find(sequence_numbers, MessageState.DEFERRED)
        for message in messages:
            if session is not None and message.session_id != session.session_id:
                raise MessageNotFound(message.sequence_number, "deferred")
            if self._has_expired(message, now):  # enforced only when somebody asks for the message
                self._end_expired(message, now)
                raise MessageNotFound(message.sequence_number, "deferred")
        for message in messages:
            self._deliver(message, mode, now, session)
        return messages

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

    # -- sessions --------------------------------------------------------------------------------

    def accept_session(self, session_id: str | None, now: float) -> SessionLock | None:
        """Hold a session, or any that has messages; None when there is none of these.

        Raises:
            EntityDisabled: The queue's status forbids it.
            SessionCannotBeLocked: Somebody else has it.
            OperationNotAllowed: The queue has no sessions.
        """
        self._check_receivable()
        sessions = self.sessions_at(now)
        until = now + self.description.lock_duration
        if session_id is None:
            lock = sessions.accept_next(until)
        else:
            lock = sessions.accept(session_id, until)
        if lock is not None:
            self._agenda.remind(self, until)
        return lock

    def renew_session_lock(self, session_id: str, now: float) -> float:
        """Hold a session for one more lock duration; return the new end.

        Raises:
            SessionLockLost: Nobody holds it.
            OperationNotAllowed: The queue has no sessions.
        """
        until = now + self.description.lock_duration
        self.sessions_at(now).renew(session_id, until)
        return until

    def release_session(self, lock: SessionLock, now: float) -> None:
        """Let a session go; deliveries that were not settled do not count."""
        sessions = self.sessions_at(now)
        for token in tuple(lock.tokens):
            message = self._locks[token]
            self._unlock(message)
            self._make_available(message, now)
        sessions.release(lock)
        self._agenda.ready(self)

    def sessions_at(self, now: float) -> Sessions:
        """The sessions, as they are at a time.

        Raises:
            OperationNotAllowed: The queue has none.
        """
        self.expire(now)
        self.accessed_at = now
        if self.sessions is None:
            raise self._not_sessionful()
        return self.sessions

    def check_receiver(self, *, of_session: bool) -> None:
        """See whether a receiver of a session, or one of no session, fits the entity.

        Raises:
            OperationNotAllowed: It does not.
        """
        if of_session and self.sessions is None:
            raise self._not_sessionful()
        if not of_session and self.sessions is not None:
            raise self._sessionful()

    # -- settling --------------------------------------------------------------------------------

    def complete(self, token: UUID, now: float) -> None:
        """Remove a message: its receiver is done.

        Raises:
            MessageLockLost: As in every method of this kind: nobody holds that lock (any more).
        """
        self._remove(self._locked(token, now))

    def abandon(self, token: UUID, now: float, properties: Mapping[Any, Any] | None = None) -> None:
        """Make a message available again; the delivery counts as failed."""
        message = self._locked(token, now)
        message.modify(properties)
        self._end_delivery(message, now)

    def release(self, token: UUID, now: float) -> None:
        """Make a message available again; the delivery does not count."""
        message = self._locked(token, now)
        self._unlock(message)
        self._make_available(message, now)

    def defer(self, token: UUID, now: float, properties: Mapping[Any, Any] | None = None) -> None:
        """Set a message aside for whoever asks for its sequence number."""
        message = self._locked(token, now)
        message.modify(properties)
        self._unlock(message)
        message.state = MessageState.DEFERRED
        self._expiry.cancel(message)

    def dead_letter(
        self,
        token: UUID,
        now: float,
        reason: str | None = None,
        description: str | None = None,
        properties: Mapping[Any, Any] | None = None,
    ) -> None:
        """Move a message to the dead-letter queue; in that queue, to its end."""
        message = self._locked(token, now)
        message.modify(properties)
        self._bury(message, now, reason, description)

    def renew_lock(self, token: UUID, now: float) -> float:
        """Hold a message for one more lock duration; return the new end.

        Raises:
            OperationNotAllowed: The queue has sessions, which are held instead.
        """
        message = self._locked(token, now)
        if self.sessions is not None:
            raise OperationNotAllowed("Messages of a session have no locks: renew the session's.")
        until = now + self.description.lock_duration
        message.lock = Lock(token, until)
        self._lock_timers.set(token, until)
        return until

    # -- time ------------------------------------------------------------------------------------

    def expire(self, now: float) -> None:
        """Do what has become due: end locks and lives, activate scheduled messages."""
        super().expire(now)
        while (token := self._lock_timers.pop_due(now)) is not None:
            self._end_delivery(self._locks[token], now)
        if self.sessions is not None:
            self._expire_sessions(self.sessions, now)
        while (message := self._expiry.pop_due(now)) is not None:
            self._end_expired(message, now)  # not locked: delivering ends this timer

    def clear(self) -> None:
        """Remove all messages; who has one or a session locked has lost it."""
        super().clear()
        self._available = []
        self._locks = {}
        self._lock_timers = Timers()
        self._expiry = Timers()
        if self.sessions is not None:
            self.sessions.lose_all()
            self.sessions = Sessions(self._is_available)
            self._agenda.ready(self)

    # -- inside ----------------------------------------------------------------------------------

    @abstractmethod
    def _bury(
        self, message: Message, now: float, reason: str | None, description: str | None
    ) -> None:
        """Take a dead message, which is here and perhaps locked, to where it belongs."""

    def _divert(self, message: Message, now: float) -> bool:
        """Send a message elsewhere that has become available; whether that was done."""
        del message, now
        return False

    def _timers(self) -> Sequence[Timers[Any]]:
        timers = (self._lock_timers, self._expiry, self._schedule)
        return timers if self.sessions is None else (*timers, self.sessions.timers)

    def _expire_sessions(self, sessions: Sessions, now: float) -> None:
        for lock in sessions.expire(now):
            for token in tuple(lock.tokens):
                self._end_delivery(self._locks[token], now)
            self._agenda.ready(self)  # for its receiver to be told, and others to have it

    def _check_receivable(self) -> None:
        if not self.description.status.can_receive:
            raise self._disabled("receive")

    def _enqueue(self, message: Message, now: float) -> None:
        """Append a message to the queue, as if it had just arrived."""
        self._number(message, now)
        message.state = MessageState.ACTIVE
        lifetime = self.description.default_message_time_to_live  # a ceiling, too
        if message.time_to_live is not None:
            lifetime = min(message.time_to_live, lifetime)
        message.expires_at = None if lifetime >= FOREVER else now + lifetime
        self._store.add(message)
        self._make_available(message, now)

    def _make_available(self, message: Message, now: float) -> None:
        """Let receivers have an unlocked message, if it is theirs to have and still alive."""
        if message.state is MessageState.DEFERRED:
            return
        if self._has_expired(message, now):
            self._end_expired(message, now)
            return
        if self._divert(message, now):
            return
        if message.expires_at is not None and not self._is_final:
            self._expiry.set(message, message.expires_at)
            self._agenda.remind(self, message.expires_at)
        if self.sessions is None:
            heapq.heappush(self._available, message.sequence_number)
        elif message.session_id is None:
            self._bury(message, now, SESSION_ID_MISSING, "The queue requires sessions.")
            return
        else:
            self.sessions.put(message.session_id, message.sequence_number, now)
        self._agenda.ready(self)

    def _has_expired(self, message: Message, now: float) -> bool:
        """Whether a message's life is over."""
        return not self._is_final and message.has_expired(now)

    def _not_sessionful(self) -> OperationNotAllowed:
        return OperationNotAllowed(
            f"A sessionful message receiver cannot be created on '{self.path}', which does not "
            "require sessions. Set RequiresSession to true when you create the entity."
        )

    def _sessionful(self) -> OperationNotAllowed:
        return OperationNotAllowed(
            f"It is not possible to create a non-sessionful message receiver on '{self.path}', "
            "which requires sessions."
        )

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

    def _deliver(
        self, message: Message, mode: ReceiveMode, now: float, session: SessionLock | None
    ) -> None:
        if mode is ReceiveMode.RECEIVE_AND_DELETE:
            self._remove(message)
            return
        token = self._surroundings.new_id()
        self._locks[token] = message
        self._expiry.cancel(message)
        if session is not None and self.sessions is not None:
            message.lock = Lock(token, session.until)
            self.sessions.bind(session, token)
            return
        until = now + self.description.lock_duration
        message.lock = Lock(token, until)
        self._lock_timers.set(token, until)
        self._agenda.remind(self, until)

    def _locked(self, token: UUID, now: float) -> Message:
        self.expire(now)
        self.accessed_at = now
        message = self._locks.get(token)
        if message is None:
            raise MessageLockLost if self.sessions is None else SessionLockLost
        return message

    def _unlock(self, message: Message) -> None:
        if message.lock is not None:
            token = message.lock.token
            del self._locks[token]
            self._lock_timers.cancel(token)
            if self.sessions is not None:
                self.sessions.unbind(token)
            message.lock = None

    def _end_delivery(self, message: Message, now: float) -> None:
        """A delivery has failed: once more, or never again."""
        self._unlock(message)
        message.delivery_count += 1
        if message.delivery_count >= self.description.max_delivery_count and not self._is_final:
            self._bury(
                message,
                now,
                MAX_DELIVERY_COUNT_EXCEEDED,
                "Message could not be consumed after "
                f"{self.description.max_delivery_count} delivery attempts.",
            )
        else:
            self._make_available(message, now)

    def _end_expired(self, message: Message, now: float) -> None:
        if self.description.dead_lettering_on_message_expiration:
            self._bury(message, now, TTL_EXPIRED, "The message expired and was dead lettered.")
        else:
            self._remove(message)

    def _remove(self, message: Message) -> None:
        self._unlock(message)
        self._expiry.cancel(message)
        self._schedule.cancel(message)
        self._store.remove(message)
