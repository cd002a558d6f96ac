"""A model that argues with the broker: a dictionary of where each message must be."""

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.errors import MessageLockLost, MessageNotFound
from servicebus_emulator.broker.message import Message, MessageState, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from tests.property.profiles import large

if TYPE_CHECKING:
    from servicebus_emulator.broker.queue import Queue
    from tests.property.remote_queue import RemoteNamespace, RemoteQueue

LOCK = 30.0


@dataclass
class Fate:
    """What the model knows of a message: `place` is available, locked, deferred, scheduled, dead
    or gone."""

    place: str
    number: int = 0
    failures: int = 0
    token: UUID | None = None
    locked_until: float = 0.0
    due: float = 0.0
    was_deferred: bool = False


class QueueMachine(RuleBasedStateMachine):
    """No message is lost or in two places, numbers rise, a lock token settles once."""

    tokens = Bundle("tokens")

    @initialize(target=tokens, max_delivery_count=st.integers(1, 4))
    def begin(self, max_delivery_count: int) -> object:
        self.now = 0.0
        self.fates: dict[str, Fate] = {}
        self.last_number = 0
        self.names = count()
        self.max_delivery_count = max_delivery_count
        self.open_queue(max_delivery_count)
        return multiple()

    def open_queue(self, max_delivery_count: int) -> None:
        numbers = count(1)
        description = QueueDescription(lock_duration=LOCK, max_delivery_count=max_delivery_count)
        namespace = Namespace(lambda: UUID(int=next(numbers)))
        self.namespace: Namespace | RemoteNamespace = namespace
        self.queue: Queue | RemoteQueue = namespace.create_queue("q", description, now=0.0)

    def possible(self, verb: str, _token: UUID) -> str:
        """What can be done to a message instead, where that cannot be done."""
        return verb

    def assign_number(self, fate: Fate) -> None:
        self.last_number += 1
        fate.number = self.last_number

    def fail(self, fate: Fate) -> None:
        """A delivery failed: count it, and bury the message when it failed too often."""
        fate.failures += 1
        if fate.failures >= self.max_delivery_count:
            fate.place = "dead"
        else:
            fate.place = "deferred" if fate.was_deferred else "available"

    def held(self, token: UUID) -> Fate | None:
        return next(
            (f for f in self.fates.values() if f.place == "locked" and f.token == token), None
        )

    @rule(size=st.integers(1, 3))
    def send(self, size: int) -> None:
        names = [f"m{next(self.names)}" for _ in range(size)]
        messages = [Message(message_id=name, content=b"", size=1) for name in names]
        self.queue.send_batch(messages, self.now)
        for name, message in zip(names, messages, strict=True):
            self.fates[name] = Fate("available")
            self.assign_number(self.fates[name])
            assert message.sequence_number == self.fates[name].number

    @rule(delay=st.sampled_from([5.0, LOCK, 100.0]))
    def schedule(self, delay: float) -> None:
        name = f"m{next(self.names)}"
        message = Message(
            message_id=name, content=b"", size=1, scheduled_enqueue_time=self.now + delay
        )
        fate = self.fates[name] = Fate("scheduled", due=self.now + delay)
        self.assign_number(fate)
        assert self.queue.schedule([message], self.now) == [fate.number]

    @rule(data=st.data(), times=st.integers(1, 2))
    def cancel(self, data: st.DataObject, times: int) -> None:
        number = data.draw(st.integers(1, self.last_number + 1))
        fate = next(
            (f for f in self.fates.values() if f.place == "scheduled" and f.number == number), None
        )
        if fate is None:
            with pytest.raises(MessageNotFound):
                self.queue.cancel_scheduled([number] * times, self.now)
        else:
            self.queue.cancel_scheduled([number] * times, self.now)
            fate.place = "gone"

    @rule(target=tokens)
    def receive(self) -> object:
        message = self.queue.receive(ReceiveMode.PEEK_LOCK, self.now)
        expected = min(
            ((f.number, n) for n, f in self.fates.items() if f.place == "available"), default=None
        )
        if message is None:
            assert expected is None
            return multiple()
        assert expected == (message.sequence_number, message.message_id)
        return self.note_lock(message)

    def note_lock(self, message: Message) -> UUID:
        assert message.lock is not None
        fate = self.fates[message.message_id]
        assert message.delivery_count == fate.failures
        assert self.held(message.lock.token) is None
        fate.place, fate.token = "locked", message.lock.token
        fate.locked_until = self.now + LOCK
        assert message.lock.until == fate.locked_until
        return message.lock.token

    @rule()
    def receive_and_delete(self) -> None:
        message = self.queue.receive(ReceiveMode.RECEIVE_AND_DELETE, self.now)
        available = [n for n, f in self.fates.items() if f.place == "available"]
        if message is None:
            assert not available
        else:
            assert message.message_id in available
            self.fates[message.message_id].place = "gone"

    @rule(target=tokens, data=st.data(), times=st.integers(1, 2))
    def receive_deferred(self, data: st.DataObject, times: int) -> object:
        numbers = [number := data.draw(st.integers(1, self.last_number + 1))] * times
        if any(f.place == "deferred" and f.number == number for f in self.fates.values()):
            (message,) = self.queue.receive_deferred(numbers, ReceiveMode.PEEK_LOCK, self.now)
            return self.note_lock(message)
        with pytest.raises(MessageNotFound):
            self.queue.receive_deferred(numbers, ReceiveMode.PEEK_LOCK, self.now)
        return multiple()

    @rule(
        token=consumes(tokens),
        verb=st.sampled_from(["complete", "abandon", "release", "defer", "dead_letter"]),
        again=st.booleans(),
    )
    def settle(self, token: UUID, verb: str, again: bool) -> None:
        fate, verb = self.held(token), self.possible(verb, token)
        operation = getattr(self.queue, verb)
        if fate is None:
            with pytest.raises(MessageLockLost):
                operation(token, self.now)
            return
        operation(token, self.now)
        if verb == "abandon":
            self.fail(fate)
        elif verb == "release":
            fate.place = "deferred" if fate.was_deferred else "available"
        else:
            fate.place = {"complete": "gone", "defer": "deferred", "dead_letter": "dead"}[verb]
            fate.was_deferred = fate.was_deferred or verb == "defer"
        if again:
            with pytest.raises(MessageLockLost):
                operation(token, self.now)

    @rule(token=tokens)
    def renew(self, token: UUID) -> None:
        fate = self.held(token)
        if fate is None:
            with pytest.raises(MessageLockLost):
                self.queue.renew_lock(token, self.now)
        else:
            fate.locked_until = self.now + LOCK
            assert self.queue.renew_lock(token, self.now) == fate.locked_until

    @rule(seconds=st.sampled_from([0.5, 10.0, LOCK, 200.0]))
    def advance(self, seconds: float) -> None:
        self.now += seconds
        self.namespace.expire(self.now)
        due = [f for f in self.fates.values() if f.place == "scheduled" and f.due <= self.now]
        for fate in sorted(due, key=lambda f: (f.due, f.number)):
            fate.place = "available"
            self.assign_number(fate)
        for fate in self.fates.values():
            if fate.place == "locked" and fate.locked_until <= self.now:
                self.fail(fate)

    @invariant()
    def every_message_is_where_the_model_says(self) -> None:
        places: dict[str, str] = {}
        for message in self.queue.peek(0, 10_000, self.now):
            assert message.message_id not in places
            if message.lock is not None:
                places[message.message_id] = "locked"
            else:
                names = {MessageState.ACTIVE: "available"}
                places[message.message_id] = names.get(message.state, message.state.name.lower())
        assert self.queue.dead_letter_queue is not None
        for message in self.queue.dead_letter_queue.peek(0, 10_000, self.now):
            assert message.message_id not in places
            places[message.message_id] = "dead"
        assert places == {n: f.place for n, f in self.fates.items() if f.place != "gone"}

    @invariant()
    def the_next_deadline_is_never_late(self) -> None:
        pending = [f.locked_until for f in self.fates.values() if f.place == "locked"]
        pending += [f.due for f in self.fates.values() if f.place == "scheduled"]
        deadline = self.namespace.next_deadline()
        assert not pending or (deadline is not None and deadline <= min(pending))


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = large()
