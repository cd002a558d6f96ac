from itertools import count
from uuid import UUID

import pytest

from servicebus_emulator.broker.access import AccessKey
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.journal import Journal
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue


@pytest.fixture
def journal() -> Journal:
    return Journal()


@pytest.fixture
def namespace(journal: Journal) -> Namespace:
    numbers = count(1)
    return Namespace(lambda: UUID(int=next(numbers)), journal=journal)


@pytest.fixture
def queue(namespace: Namespace, journal: Journal) -> Queue:
    queue = namespace.create_queue("q", QueueDescription(max_delivery_count=2), now=0.0)
    journal.settle()
    return queue


def pending(journal: Journal) -> dict[str, list[tuple[int, bool]]]:
    """By path: the numbers of messages that are to be written (True) or removed (False)."""
    return {
        store.entity.path: [(number, each is not None) for number, each in store.pending.items()]
        for store in journal.stores
    }


def lock(queue: Queue) -> UUID:
    message = queue.receive(ReceiveMode.PEEK_LOCK, 0.0)
    assert message is not None
    assert message.lock is not None
    return message.lock.token


def send(queue: Queue) -> None:
    queue.send(Message("m", b"", 1), 0.0)


def test_a_message_that_came_is_to_be_written_and_one_that_left_to_be_removed(
    queue: Queue, journal: Journal
) -> None:
    send(queue)
    assert pending(journal) == {"q": [(1, True)]}

    journal.settle()
    assert journal.is_empty
    queue.complete(lock(queue), 0.0)

    assert pending(journal) == {"q": [(1, False)]}


def test_a_message_that_comes_and_goes_is_never_written(queue: Queue, journal: Journal) -> None:
    send(queue)
    queue.complete(lock(queue), 0.0)

    assert pending(journal) == {"q": []}
    assert [entity.path for entity in journal.counters()] == ["q"]


def test_to_lock_and_to_release_a_message_writes_nothing(queue: Queue, journal: Journal) -> None:
    send(queue)
    journal.settle()
    queue.release(lock(queue), 0.0)

    assert journal.is_empty


@pytest.mark.parametrize("verb", ["abandon", "defer"])
def test_what_a_settlement_leaves_in_the_queue_is_written_anew(
    verb: str, queue: Queue, journal: Journal
) -> None:
    send(queue)
    journal.settle()
    getattr(queue, verb)(lock(queue), 0.0)

    assert pending(journal) == {"q": [(1, True)]}


def test_a_dead_letter_is_removed_here_and_written_there(queue: Queue, journal: Journal) -> None:
    send(queue)
    journal.settle()
    queue.dead_letter(lock(queue), 0.0)

    assert pending(journal) == {"q": [(1, False)], "q/$DeadLetterQueue": [(1, True)]}


def test_sub_queues_have_keys_beside_their_owners(
    queue: Queue, namespace: Namespace, journal: Journal
) -> None:
    other = namespace.create_queue("other", now=0.0)
    keys = [journal.key(each) for each in (queue, *queue.sub_queues(), other)]

    assert keys == [4, 5, 6, 8]


def test_what_happens_to_an_entity_that_is_gone_is_not_saved(
    queue: Queue, namespace: Namespace, journal: Journal
) -> None:
    send(queue)
    token = lock(queue)
    namespace.delete_queue("q")
    queue.complete(token, 0.0)

    assert journal.key(queue) is None
    assert (journal.removed, list(journal.entities)) == ([4], [])


def test_an_entity_that_comes_and_goes_leaves_its_removal_only(
    namespace: Namespace, journal: Journal
) -> None:
    unique = QueueDescription(requires_duplicate_detection=True)
    send(namespace.create_queue("q", unique, now=0.0))
    namespace.delete_queue("q")

    assert (journal.removed, journal.stores, journal.entities, journal.identities) == (
        [4],
        {},
        {},
        [],
    )


def test_a_queue_that_is_cleared_is_wiped_and_written_from_there(
    queue: Queue, journal: Journal
) -> None:
    send(queue)
    journal.settle()
    queue.clear()
    send(queue)

    [store] = [store for store in journal.stores if store.entity is queue]
    assert store.is_wiped
    assert pending(journal)["q"] == [(1, True)]
    journal.settle()
    assert not store.is_wiped


def test_a_key_that_was_given_before_is_not_given_again(
    queue: Queue, namespace: Namespace, journal: Journal
) -> None:
    journal.adopt(queue, 40)

    assert journal.key(namespace.create_queue("other", now=0.0)) == 44


def test_a_number_that_is_removed_and_comes_again_is_no_new_one(
    queue: Queue, journal: Journal
) -> None:
    send(queue)
    journal.settle()
    [message] = queue.peek(1, 1, 0.0)
    store = queue._store
    store.remove(message)
    store.add(message)
    assert pending(journal) == {"q": [(1, True)]}
    store.remove(message)

    assert pending(journal) == {"q": [(1, False)]}


def test_a_topic_counts_on_with_every_message(namespace: Namespace, journal: Journal) -> None:
    topic = namespace.create_topic("t", now=0.0)
    journal.settle()
    topic.send(Message("m", b"", 1), 0.0)

    assert list(journal.counters()) == [topic]


def test_other_properties_are_written_under_the_same_key(
    queue: Queue, namespace: Namespace, journal: Journal
) -> None:
    key = journal.key(queue)
    namespace.update_queue("q", QueueDescription(max_delivery_count=7), now=1.0)

    assert list(journal.entities) == [queue]
    assert journal.key(queue) == key


def test_the_state_of_a_session_is_to_be_written_until_its_queue_is_gone(
    namespace: Namespace, journal: Journal
) -> None:
    queue = namespace.create_queue("s", QueueDescription(requires_session=True), now=0.0)
    journal.settle()
    queue.accept_session("one", 0.0)
    assert queue.sessions is not None
    queue.sessions.set_state("one", b"state", 0.0)
    assert list(journal.sessions) == [(queue, "one")]
    assert not journal.is_empty
    namespace.delete_queue("s")

    assert (list(journal.sessions), journal.removed) == ([], [4])


def test_an_entity_that_is_gone_cannot_go_again(queue: Queue, journal: Journal) -> None:
    for _ in range(2):
        journal.note_removal(queue)

    assert journal.removed == [4]


def test_policies_are_to_be_written_when_one_has_changed(
    namespace: Namespace, journal: Journal
) -> None:
    policy = AccessKey("sender", "key")
    namespace.put_policy(policy)
    assert journal.policies == {"sender": policy}
    journal.settle()
    assert journal.is_empty
    namespace.remove_policy("sender")

    assert journal.policies == {}
    assert not journal.is_empty
