"""A model that argues with a topic: duplicates, rules, and a subscription with sessions."""

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from servicebus_emulator.broker.entities import SubscriptionDescription, TopicDescription
from servicebus_emulator.broker.errors import SessionCannotBeLocked, SessionLockLost
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.rules import CorrelationFilter, Rule
from servicebus_emulator.broker.sessions import SessionLock
from tests.property.profiles import large

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = 30.0
WINDOW = 60.0
MOST_DELIVERIES = 3
SESSIONS = st.sampled_from(["a", "b", "c"])


@dataclass
class Copy:
    """What the model knows of a message in the subscription with sessions."""

    session: str
    failures: int = 0
    token: UUID | None = None


@dataclass
class Held:
    """What the model knows of a session that somebody has."""

    lock: SessionLock
    until: float


@dataclass
class Model:
    """Labels in the order in which they came, by subscription; and what is known of sessions."""

    seen_until: dict[str, float] = field(default_factory=dict)
    every: list[bytes] = field(default_factory=list)
    of_a: list[bytes] = field(default_factory=list)
    copies: dict[bytes, Copy] = field(default_factory=dict)
    dead: list[bytes] = field(default_factory=list)
    held: dict[str, Held] = field(default_factory=dict)
    states: dict[str, bytes] = field(default_factory=dict)

    def first_of(self, session: str) -> bytes | None:
        """The message that comes next in a session; labels rise as numbers do."""
        return next(
            (k for k, c in self.copies.items() if c.session == session and c.token is None), None
        )

    def fail(self, label: bytes) -> None:
        copy = self.copies[label]
        copy.token = None
        copy.failures += 1
        if copy.failures >= MOST_DELIVERIES:
            del self.copies[label]
            self.dead.append(label)


class TopicMachine(RuleBasedStateMachine):
    """Each subscription gets what it selects, once, in order; a session is one receiver's."""

    @initialize()
    def begin(self) -> None:
        numbers = count(1)
        self.now = 0.0
        self.labels = count(1)
        self.model = Model()
        self.namespace = Namespace(lambda: UUID(int=next(numbers)))
        self.topic = self.namespace.create_topic(
            "t",
            TopicDescription(
                requires_duplicate_detection=True, duplicate_detection_history_time_window=WINDOW
            ),
            now=0.0,
        )
        self.every = self.topic.create_subscription("every", now=0.0)
        only_a = Rule("a", CorrelationFilter({"SessionId": "a"}))
        self.of_a = self.topic.create_subscription("of_a", now=0.0, default_rule=only_a)
        description = SubscriptionDescription(
            requires_session=True, lock_duration=LOCK, max_delivery_count=MOST_DELIVERIES
        )
        self.by_session = self.topic.create_subscription("by_session", description, now=0.0)

    @rule(name=st.sampled_from(["m1", "m2", "m3"]), session=SESSIONS)
    def send(self, name: str, session: str) -> None:
        label = b"%08d" % next(self.labels)
        self.topic.send(Message(name, label, 1, session_id=session), self.now)
        if self.model.seen_until.get(name, self.now) > self.now:
            return
        self.model.seen_until[name] = self.now + WINDOW
        self.model.every.append(label)
        if session == "a":
            self.model.of_a.append(label)
        self.model.copies[label] = Copy(session)

    @rule(select=st.booleans())
    def take(self, select: bool) -> None:
        subscription, expected = (
            (self.of_a, self.model.of_a) if select else (self.every, self.model.every)
        )
        message = subscription.receive(ReceiveMode.RECEIVE_AND_DELETE, self.now)
        assert (message.content if message else None) == (expected.pop(0) if expected else None)

    @rule(session=SESSIONS)
    def accept(self, session: str) -> None:
        if session in self.model.held:
            with pytest.raises(SessionCannotBeLocked):
                self.by_session.accept_session(session, self.now)
            return
        self.hold(self.by_session.accept_session(session, self.now))

    @rule()
    def accept_next(self) -> None:
        lock = self.by_session.accept_session(None, self.now)
        open_ones = {c.session for c in self.model.copies.values() if c.token is None}
        open_ones -= self.model.held.keys()
        if lock is None:
            assert not open_ones
        else:
            assert lock.session_id in open_ones
            self.hold(lock)

    def hold(self, lock: SessionLock | None) -> None:
        assert lock is not None
        assert lock.until == self.now + LOCK
        self.model.held[lock.session_id] = Held(lock, lock.until)

    @rule(session=SESSIONS)
    def receive(self, session: str) -> None:
        held = self.model.held.get(session)
        if held is None:
            return
        message = self.by_session.receive(ReceiveMode.PEEK_LOCK, self.now, held.lock)
        expected = self.model.first_of(session)
        assert (message.content if message else None) == expected
        if message is not None and expected is not None:
            assert message.lock is not None
            assert message.delivery_count == self.model.copies[expected].failures
            self.model.copies[expected].token = message.lock.token

    @rule(session=SESSIONS, completes=st.booleans())
    def settle(self, session: str, completes: bool) -> None:
        given = [(k, c.token) for k, c in self.model.copies.items() if c.session == session]
        for label, token in given:
            if token is None:
                continue
            settle: Callable[[UUID, float], None] = (
                self.by_session.complete if completes else self.by_session.abandon
            )
            settle(token, self.now)
            if completes:
                del self.model.copies[label]
            else:
                self.model.fail(label)
            with pytest.raises(SessionLockLost):
                settle(token, self.now)
            return

    @rule(session=SESSIONS)
    def release(self, session: str) -> None:
        held = self.model.held.pop(session, None)
        if held is not None:
            self.by_session.release_session(held.lock, self.now)
            for copy in self.model.copies.values():
                if copy.session == session:
                    copy.token = None

    @rule(session=SESSIONS)
    def renew(self, session: str) -> None:
        if session not in self.model.held:
            with pytest.raises(SessionLockLost):
                self.by_session.renew_session_lock(session, self.now)
            return
        until = self.by_session.renew_session_lock(session, self.now)
        assert until == self.now + LOCK
        self.model.held[session].until = until

    @rule(session=SESSIONS, state=st.sampled_from([b"1", b"2"]))
    def note(self, session: str, state: bytes) -> None:
        sessions = self.by_session.sessions_at(self.now)
        if session not in self.model.held:
            with pytest.raises(SessionLockLost):
                sessions.set_state(session, state, self.now)
            return
        assert sessions.state(session) == self.model.states.get(session)
        sessions.set_state(session, state, self.now)
        self.model.states[session] = state

    @rule(seconds=st.sampled_from([0.5, 10.0, LOCK, WINDOW]))
    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.namespace.expire(self.now)
        for session, held in list(self.model.held.items()):
            if held.until <= self.now:
                assert held.lock.is_lost
                del self.model.held[session]
                given = [k for k, c in self.model.copies.items() if c.session == session]
                for label in given:
                    if self.model.copies[label].token is not None:
                        self.model.fail(label)

    @invariant()
    def every_copy_is_where_the_model_says(self) -> None:
        there = self.by_session.peek(0, 10_000, self.now)
        assert [message.content for message in there] == list(self.model.copies)
        for message in there:
            token = self.model.copies[message.content].token
            assert (message.lock.token if message.lock else None) == token
        assert self.by_session.dead_letter_queue is not None
        buried = self.by_session.dead_letter_queue.peek(0, 10_000, self.now)
        assert sorted(message.content for message in buried) == sorted(self.model.dead)
        assert len(self.every) == len(self.model.every)
        assert len(self.of_a) == len(self.model.of_a)


TestTopicMachine = TopicMachine.TestCase
TestTopicMachine.settings = large()
