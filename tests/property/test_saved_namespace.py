"""A namespace that was saved and restored is the one that was saved, at whatever point that was."""

import contextlib
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from servicebus_emulator.amqp.types import Symbol, UInt
from servicebus_emulator.broker.entities import (
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from servicebus_emulator.broker.errors import BrokerError
from servicebus_emulator.broker.facts import REMOVED
from servicebus_emulator.broker.journal import Journal
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.broker.rules import CorrelationFilter, Rule, SqlAction, SqlFilter
from servicebus_emulator.broker.subscription import Subscription
from servicebus_emulator.broker.topic import Topic
from servicebus_emulator.nodes.message_mapping import Envelope
from servicebus_emulator.nodes.records import write_message
from servicebus_emulator.server.data_file import DataFile
from tests.property.profiles import walks

LOCK = 30.0
INTAKES = ("plain", "sessions", "unique", "forwards", "news")
OUTLETS = (
    "plain",
    "plain/$DeadLetterQueue",
    "unique",
    "forwards",
    "forwards/$Transfer/$DeadLetterQueue",
    "news/Subscriptions/all",
    "news/Subscriptions/some",
)
SESSIONS = ("one", "two")
MODIFIED = {"a": 1, "b": UInt(2), "c": "ü", "d": None}
ENVELOPE = Envelope(True, 7, 5000, {Symbol("x-opt-partition-key"): "p"})


def picture(namespace: Namespace, now: float) -> dict[str, Any]:
    """All that must outlive a restart; not who has something locked."""
    entities: list[Queue | Topic] = []
    entities += namespace.list_queues()
    entities += namespace.list_topics()
    shown: dict[str, Any] = {}
    for entity in entities:
        parts: list[Queue | Topic] = [entity]
        if isinstance(entity, Topic):
            parts += entity.subscriptions
        for part in tuple(parts):
            if isinstance(part, Queue):
                parts += part.sub_queues()
        shown |= {part.path: picture_of(part, now) for part in parts}
    return shown


def picture_of(entity: Queue | Topic, now: float) -> list[Any]:
    stored = entity._store.starting_at(0)
    messages = [(each.sequence_number, *write_message(each)) for each in stored]
    shown: list[Any] = [entity.description, messages, entity.last_sequence_number]
    if entity.place[1] == 0:
        shown += [entity.created_at, entity.updated_at]
    if isinstance(entity, Subscription):
        shown.append(entity.rules)
    if isinstance(entity, Queue) and (sessions := entity.sessions) is not None:
        shown += [sessions.list(None), [sessions.saved_state(each) for each in SESSIONS]]
    if entity._history is not None:
        known = entity._history._until.items()
        shown.append({identity: until for identity, until in known if until > now})
    return shown


class SavedNamespace(RuleBasedStateMachine):
    """Things happen, are saved or not, and then the process ends."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.numbers = count(1)
        self.now = 1000.0
        self.file: DataFile | None = None

    def teardown(self) -> None:
        if self.file is not None:
            self.file.close()
        self.folder.cleanup()

    @initialize()
    def begin(self) -> None:
        self.open()
        create = self.namespace.create_queue
        create("plain", QueueDescription(lock_duration=LOCK, max_delivery_count=2), now=self.now)
        create("sessions", QueueDescription(requires_session=True), now=self.now)
        unique = QueueDescription(requires_duplicate_detection=True)
        create("unique", unique, now=self.now)
        create("forwards", QueueDescription(forward_to="plain"), now=self.now)
        topic = self.namespace.create_topic("news", TopicDescription(), now=self.now)
        topic.create_subscription("all", now=self.now)
        self.subscribe(topic)
        self.save()

    def subscribe(self, topic: Topic) -> None:
        """A subscription with rules of every kind."""
        some = topic.create_subscription("some", SubscriptionDescription(), now=self.now)
        some.remove_rule("$Default", self.now)
        changed = SqlAction("SET mark = @mark; REMOVE gone", {"@mark": 5})
        some.add_rule(Rule("sql", SqlFilter("MessageId <> @no", {"@no": "x"}), changed), self.now)
        moment = datetime(2026, 1, 1, tzinfo=UTC)
        wanted = CorrelationFilter({"MessageId": "m1"}, {"when": moment, "n": UInt(7)})
        some.add_rule(Rule("correlation", wanted, created_at=self.now), self.now)

    def open(self) -> None:
        self.journal = Journal()
        self.file = DataFile(Path(self.folder.name))
        self.namespace = Namespace(lambda: UUID(int=next(self.numbers)), journal=self.journal)
        self.file.load(self.namespace, self.journal, self.now)

    def attempt(self, operation: Callable[[], object]) -> None:
        with contextlib.suppress(BrokerError):
            operation()

    @rule(
        path=st.sampled_from(INTAKES),
        name=st.sampled_from(["m1", "m2", "m3"]),
        session=st.sampled_from(SESSIONS),
        lifetime=st.sampled_from([None, 20.0, 500.0]),
        delay=st.sampled_from([None, None, 40.0]),
        is_plain=st.booleans(),
    )
    def send(
        self,
        path: str,
        name: str,
        session: str,
        lifetime: float | None,
        delay: float | None,
        is_plain: bool,
    ) -> None:
        message = Message(
            name,
            name.encode() * 3,
            20,
            session_id=session,
            time_to_live=lifetime,
            scheduled_enqueue_time=None if delay is None else self.now + delay,
            envelope=None if is_plain else ENVELOPE,
        )
        if path == "news":
            message.envelope = None  # its facts are the broker's own, then
        self.namespace.resolve(path).send(message, self.now)

    @rule(path=st.sampled_from(OUTLETS), verb=st.sampled_from(["complete", "abandon", "defer"]))
    def settle(self, path: str, verb: str) -> None:
        queue = self.namespace.resolve_queue(path)
        message = queue.receive(ReceiveMode.PEEK_LOCK, self.now)
        if message is not None and message.lock is not None:
            changes = () if verb == "complete" else (MODIFIED,)
            getattr(queue, verb)(message.lock.token, self.now, *changes)

    @rule(path=st.sampled_from(OUTLETS))
    def bury(self, path: str) -> None:
        queue = self.namespace.resolve_queue(path)
        message = queue.receive(ReceiveMode.PEEK_LOCK, self.now)
        if message is not None and message.lock is not None:
            message.properties_to_modify["removed"] = REMOVED
            queue.dead_letter(message.lock.token, self.now, "reason", None, MODIFIED)

    @rule(path=st.sampled_from(OUTLETS), number=st.integers(1, 6))
    def take_deferred(self, path: str, number: int) -> None:
        queue = self.namespace.resolve_queue(path)
        delete = ReceiveMode.RECEIVE_AND_DELETE
        self.attempt(lambda: queue.receive_deferred([number], delete, self.now))

    @rule(path=st.sampled_from(OUTLETS))
    def lock(self, path: str) -> None:
        self.namespace.resolve_queue(path).receive(ReceiveMode.PEEK_LOCK, self.now)

    @rule(number=st.integers(1, 6), path=st.sampled_from(INTAKES))
    def cancel(self, number: int, path: str) -> None:
        entity = self.namespace.resolve(path)
        self.attempt(lambda: entity.cancel_scheduled([number], self.now))

    @rule(state=st.sampled_from([None, b"", b"noted"]), session=st.sampled_from(SESSIONS))
    def work_on_session(self, state: bytes | None, session: str) -> None:
        queue = self.namespace.resolve_queue("sessions")

        def work() -> None:
            lock = queue.accept_session(session, self.now)
            assert lock is not None
            queue.receive(ReceiveMode.PEEK_LOCK, self.now, lock)
            queue.sessions_at(self.now).set_state(session, state, self.now)
            if state:
                queue.release_session(lock, self.now)

        self.attempt(work)

    @rule(path=st.sampled_from(["plain", "sessions", "news", "plain/$DeadLetterQueue"]))
    def clear(self, path: str) -> None:
        self.namespace.resolve(path).clear()

    @rule()
    def make_queue_anew(self) -> None:
        description = self.namespace.delete_queue("unique").description
        assert isinstance(description, QueueDescription)
        self.namespace.create_queue("unique", description, now=self.now)

    @rule()
    def subscribe_anew(self) -> None:
        self.namespace.delete_subscription("news", "some", now=self.now)
        self.subscribe(self.namespace.get_topic("news"))

    @rule(seconds=st.sampled_from([1.0, LOCK, 700.0]))
    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.namespace.expire(self.now)

    @rule()
    def save(self) -> None:
        assert self.file is not None
        self.file.save(self.journal, self.now)
        self.saved_at, self.saved = self.now, picture(self.namespace, self.now)
        assert self.journal.is_empty

    @precondition(lambda self: self.file is not None)
    @rule(is_in_time=st.booleans())
    def end_and_begin_again(self, is_in_time: bool) -> None:
        if is_in_time:
            self.save()
        assert self.file is not None
        self.file.close()
        self.open()
        assert picture(self.namespace, self.saved_at) == self.saved
        assert self.journal.is_empty
        assert all(
            self.namespace.resolve_queue(path).locked_count == 0 for path in (*OUTLETS, "sessions")
        )


TestSavedNamespace = SavedNamespace.TestCase
TestSavedNamespace.settings = walks()
