"""What messages are received from: who gets which one, under which lock, and how it ends.

Every operation takes `now`, in seconds since the epoch, and first does what has become due by then.
Source: https://learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement,
message-sequencing, message-deferral and message-expiration there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from servicebus_emulator.broker.errors import (
    MessageLockLost,
    MessageNotFound,
    OperationNotAllowed,
    ServerBusy,
    SessionLockLost,
)
from servicebus_emulator.broker.message import Lock, Message, MessageState, ReceiveMode
from servicebus_emulator.broker.shelf import Shelf
from servicebus_emulator.broker.timers import Timers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from servicebus_emulator.broker.entities import OutletDescription
    from servicebus_emulator.broker.sessions import SessionLock, Sessions
    from servicebus_emulator.broker.surroundings import Surroundings

MAX_DELIVERY_COUNT_EXCEEDED = "MaxDeliveryCountExceeded"


class Outlet(Shelf):
    """Locks on messages and sessions; where dead messages go is for others to say.

    Its arguments are those of `Shelf`.
    """

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
        super().__init__(
            path, description, surroundings, now, has_sessions=has_sessions, is_final=is_final
        )
        self._locks: dict[int, Message] = {}  # by token; hashing a UUID is a call in Python
        self._lock_timers: Timers[Message] = Timers()

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
            ServerBusy: There is one, and there have been too many operations in this second.
        """
        if not self._can_receive:
            raise self._disabled("receive")
        self.expire(now)
        self.accessed_at = now
        if session is not None:
            message = self._take_first_of(session)
        elif self.sessions is None:
            message = self._take_first()
        else:
            raise self._sessionful()
        if message is not None:
            if self._throttle is not None:
                self._spend_on(message, now)
            self._deliver(message, mode, now, session)
        return message

    def _spend_on(self, message: Message, now: float) -> None:
        """Spend a credit on a message that is about to be delivered, or put it back."""
        try:
            self.throttle(1, now)
        except ServerBusy:
            self._put_out(message, now)
            raise

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
            ServerBusy: There have been too many operations in this second.
        """
        self._check_receivable()
        self.throttle(len(sequence_numbers), now)
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
            self._remind(until)
        return lock

    def renew_session_lock(self, session_id: str, now: float) -> float:
        """Hold a session for one more lock duration; return the new end.

        Raises:
            SessionLockLost: Nobody holds it.
            OperationNotAllowed: The queue has no sessions.
        """
        until = now + self.description.lock_duration
        self.sessions_at(now).renew(session_id, until)
        self._remind(until)  # the duration may have become shorter
        return until

    def release_session(self, lock: SessionLock, now: float) -> None:
        """Let a session go; deliveries that were not settled do not count."""
        sessions = self.sessions_at(now)
        for token in tuple(lock.tokens):
            message = self._locks[token.int]
            self._unlock(message)
            self._make_available(message, now)
        sessions.release(lock)
        self._agenda.ready(self)

    def take_session_news(self) -> list[SessionLock]:
        """The holds on sessions that were lost since the last call, or for which messages came."""
        return [] if self.sessions is None else self.sessions.take_news()

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

    def check_lock(self, token: UUID, now: float) -> None:
        """See that a message can be settled.

        Raises:
            MessageLockLost: It cannot.
        """
        self._locked(token, now)

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
        self._store.set_state(message, MessageState.DEFERRED)
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
        self._lock_timers.set(message, until)
        self._remind(until)  # the duration may have become shorter
        return until

    def clear(self) -> None:
        """Remove all messages; who has one or a session locked has lost it."""
        super().clear()
        self._locks = {}
        self._lock_timers = Timers()

    # -- inside ----------------------------------------------------------------------------------

    def _do_due(self, now: float) -> None:
        """End locks and lives, activate scheduled messages."""
        super()._do_due(now)
        while (message := self._lock_timers.pop_due(now)) is not None:
            self._end_delivery(message, now)
        if self.sessions is not None:
            self._expire_sessions(self.sessions, now)
        while (message := self._expiry.pop_due(now)) is not None:
            self._end_expired(message, now)  # not locked: delivering ends this timer

    def _timers(self) -> Sequence[Timers[Any]]:
        timers = (self._lock_timers, self._expiry, self._schedule)
        return timers if self.sessions is None else (*timers, self.sessions.timers)

    def _expire_sessions(self, sessions: Sessions, now: float) -> None:
        for lock in sessions.expire(now):
            for token in tuple(lock.tokens):
                self._end_delivery(self._locks[token.int], now)
            self._agenda.ready(self)  # for its receiver to be told, and others to have it

    def _not_sessionful(self) -> OperationNotAllowed:
        return OperationNotAllowed(
            f"A sessionful message receiver cannot be created on '{self.path}', which does not "
            "require sessions. Set RequiresSession to true when you create the entity."
        )

    def _sessionful(self) -> OperationNotAllowed:
        return OperationNotAllowed(
            "It is not possible for an entity that requires sessions to create a non-sessionful "
            f"message receiver. The entity is '{self.path}'."
        )

    def _deliver(
        self, message: Message, mode: ReceiveMode, now: float, session: SessionLock | None
    ) -> None:
        if mode is ReceiveMode.RECEIVE_AND_DELETE:
            self._remove(message)
            return
        token = self._surroundings.new_id()
        self._locks[token.int] = message
        self._expiry.cancel(message)
        if session is not None and self.sessions is not None:
            message.lock = Lock(token, session.until)
            self.sessions.bind(session, token)
            return
        until = now + self.description.lock_duration
        message.lock = Lock(token, until)
        self._lock_timers.set(message, until)
        self._remind(until)

    def _locked(self, token: UUID, now: float) -> Message:
        self.expire(now)
        self.accessed_at = now
        message = self._locks.get(token.int)
        if message is None:
            raise MessageLockLost if self.sessions is None else SessionLockLost
        return message

    def _unlock(self, message: Message) -> None:
        if message.lock is not None:
            token = message.lock.token
            del self._locks[token.int]
            self._lock_timers.cancel(message)
            if self.sessions is not None:
                self.sessions.unbind(token)
            message.lock = None

    def _end_delivery(self, message: Message, now: float) -> None:
        """A delivery has failed: once more, or never again."""
        self._unlock(message)
        if not self._is_final:  # dead letters keep the number that they died with
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
            self._store.changed(message)
            self._make_available(message, now)
