from uuid import uuid4

import pytest

from servicebus_emulator.broker.entities import (
    EntityDescription,
    QueueDescription,
    SubscriptionDescription,
    TopicDescription,
)
from servicebus_emulator.broker.errors import EntityNotFound, QuotaExceeded
from servicebus_emulator.broker.limits import Limits
from servicebus_emulator.broker.message import Message, MessageState, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.broker.restoring import Restoration, SavedEntity
from servicebus_emulator.broker.rules import BooleanFilter, Rule


def saved(
    description: EntityDescription | None = None, key: int = 4, topic: str | None = None
) -> SavedEntity:
    description = description or QueueDescription()
    rules = [Rule("none", BooleanFilter(value=False))]
    return SavedEntity(key, f"e{key}", description, 1.0, 2.0, 30, topic, rules)


def message(number: int, **fields: object) -> Message:
    restored = Message("m", b"", 1, sequence_number=number)
    for name, value in fields.items():
        setattr(restored, name, value)
    return restored


def restoration(limits: Limits | None = None) -> Restoration:
    return Restoration(Namespace(uuid4, limits=limits), 100.0)


def test_a_queue_goes_on_counting_where_it_stood() -> None:
    queue = restoration().add_entity(saved())
    queue.send(sent := Message("m", b"", 1), 100.0)

    assert sent.sequence_number == 31
    assert (queue.created_at, queue.updated_at, queue.accessed_at) == (1.0, 2.0, 100.0)


def test_messages_are_received_in_their_order_and_expire_when_they_would_have() -> None:
    it = restoration()
    queue = it.add_entity(saved())
    for number, expires_at in ((7, None), (3, None), (5, 150.0)):
        it.add_message(4, 0, message(number, expires_at=expires_at))
    namespace = it._namespace
    assert namespace.next_deadline() == 150.0
    namespace.expire(150.0)
    received = [namespace.get_queue("e4").receive(ReceiveMode.PEEK_LOCK, 150.0) for _ in range(3)]

    assert [each and each.sequence_number for each in received] == [3, 7, None]
    assert namespace.take_ready() == [queue]


def test_scheduled_and_deferred_messages_wait_for_their_time_and_their_receiver() -> None:
    it = restoration()
    it.add_entity(saved())
    scheduled = {"state": MessageState.SCHEDULED, "scheduled_enqueue_time": 200.0}
    it.add_message(4, 0, message(1, **scheduled))
    it.add_message(4, 0, message(2, state=MessageState.DEFERRED))
    it.add_message(4, 1, message(3))
    queue = it._namespace.get_queue("e4")

    counts = queue.counts(199.0)
    assert (counts.active, counts.scheduled, counts.deferred, counts.dead_letter) == (0, 1, 1, 1)
    assert queue.counts(200.0).active == 1


def test_a_topic_comes_before_its_subscriptions_which_have_the_rules_that_were_saved() -> None:
    it = restoration()
    orphan = saved(SubscriptionDescription(), 8, "e4")
    with pytest.raises(EntityNotFound):
        it.add_entity(orphan)
    it.add_entity(saved(TopicDescription()))
    it.add_entity(orphan)

    found = it._namespace.get_subscription("e4", "e8")
    assert [rule.name for rule in found.rules] == ["none"]


def test_a_namespace_that_is_too_small_refuses() -> None:
    with pytest.raises(QuotaExceeded):
        restoration(Limits(max_entities=0)).add_entity(saved())


def test_a_topic_has_no_sub_queues_and_there_are_only_two_of_a_queue() -> None:
    it = restoration()
    it.add_entity(saved())
    it.add_entity(saved(TopicDescription(), 8))
    for key, part in ((4, 3), (8, 1), (12, 0)):
        with pytest.raises(KeyError):
            it.add_message(key, part, message(1))


def test_what_is_no_entity_is_refused() -> None:
    with pytest.raises(TypeError):
        restoration().add_entity(saved(EntityDescription()))


def test_what_duplicates_are_found_by_is_remembered_for_as_long_as_it_was() -> None:
    it = restoration()
    queue = it.add_entity(saved(QueueDescription(requires_duplicate_detection=True)))
    plain = it.add_entity(saved(key=8))
    for each in (queue, plain):
        each.restore_identity("m", 150.0)
        each.send(Message("m", b"", 1), 149.0)
    queue.send(Message("m", b"", 1), 150.0)

    assert [len(each._store) for each in (queue, plain)] == [1, 1]


def test_the_state_of_a_session_comes_back() -> None:
    queue = restoration().add_entity(saved(QueueDescription(requires_session=True)))
    assert isinstance(queue, Queue)
    assert queue.sessions is not None
    queue.sessions.restore("s", b"state", 50.0)

    assert queue.sessions.saved_state("s") == (b"state", 50.0)
    assert queue.sessions.saved_state("other") is None
    assert queue.accept_session("s", 100.0) is not None
    assert queue.sessions.state("s") == b"state"
