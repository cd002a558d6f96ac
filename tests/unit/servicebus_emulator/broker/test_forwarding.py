"""Messages that are sent on, and those that could not be."""

from typing import Any

import pytest

from servicebus_emulator.broker.entities import (
    EntityStatus,
    QueueDescription,
    SubscriptionDescription,
    entity_path,
)
from servicebus_emulator.broker.errors import ArgumentError, OperationNotAllowed
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue


def make(namespace: Namespace, name: str, **properties: Any) -> Queue:
    return namespace.create_queue(name, QueueDescription(**properties), now=0.0)


def message(name: str = "m", **fields: Any) -> Message:
    return Message(message_id=name, content=b"", size=1, **fields)


def names(queue: Queue | None, now: float = 0.0) -> list[str]:
    assert queue is not None
    return [each.message_id for each in queue.peek(0, 99, now)]


def failed(queue: Queue) -> Message:
    assert queue.transfer_dead_letter_queue is not None
    [letter] = queue.transfer_dead_letter_queue.peek(0, 99, 0.0)
    return letter


@pytest.mark.parametrize("target", ["b", "sb://host:5671/B", "https://host/b/"])
def test_a_message_goes_where_the_queue_forwards_to(namespace: Namespace, target: str) -> None:
    a, b = make(namespace, "a", forward_to=target), make(namespace, "b")
    a.send(message(), 5.0)
    [copy] = b.peek(0, 9, 5.0)

    assert names(a) == []
    assert (copy.sequence_number, copy.origin_sequence_number, copy.enqueued_at) == (1, 1, 5.0)


def test_a_scheduled_message_is_forwarded_when_it_is_due(namespace: Namespace) -> None:
    a, b = make(namespace, "a", forward_to="b"), make(namespace, "b")
    a.send(message(scheduled_enqueue_time=5.0), 0.0)
    waiting = names(a)
    namespace.expire(5.0)

    assert (waiting, names(a, 5.0), names(b, 5.0)) == (["m"], [], ["m"])


def test_a_subscription_forwards_its_copies(namespace: Namespace) -> None:
    all_news = make(namespace, "all")
    for name in ("one", "two"):
        topic = namespace.create_topic(name, now=0.0)
        topic.create_subscription("s", SubscriptionDescription(forward_to="all"), now=0.0)
        topic.send(message(name), 0.0)

    assert names(all_news) == ["one", "two"]


def test_a_queue_forwards_to_a_topic(namespace: Namespace) -> None:
    subscription = namespace.create_topic("t", now=0.0).create_subscription("s", now=0.0)
    make(namespace, "a", forward_to="t").send(message(), 0.0)

    assert names(subscription) == ["m"]


def test_a_message_is_forwarded_four_times_and_no_more(namespace: Namespace) -> None:
    chain = [make(namespace, f"q{n}", forward_to=f"q{n + 1}") for n in range(5)]
    make(namespace, "q5")
    chain[1].send(message("near"), 0.0)
    chain[0].send(message("far"), 0.0)

    assert names(namespace.get_queue("q5")) == ["near"]
    assert failed(chain[4]).message_id == "far"
    assert failed(chain[4]).dead_letter_reason == "MaxTransferHopCountExceeded"
    assert "at most 4 times" in (failed(chain[4]).dead_letter_description or "")


def test_queues_that_forward_to_each_other_come_to_an_end(namespace: Namespace) -> None:
    a, b = make(namespace, "a", forward_to="b"), make(namespace, "b", forward_to="a")
    a.send(message(), 0.0)

    assert names(a) == names(b) == []
    assert failed(a).dead_letter_source == "a"


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        (None, "could not be found"),
        ({"status": EntityStatus.DISABLED}, "disabled for send"),
        ({"requires_session": True}, "SessionId was not set"),
    ],
)
def test_a_message_that_cannot_be_forwarded_is_kept_as_a_transfer_dead_letter(
    namespace: Namespace, properties: dict[str, Any] | None, why: str
) -> None:
    a = make(namespace, "a", forward_to="b")
    if properties is not None:
        make(namespace, "b", **properties)
    a.send(message(), 0.0)
    letter = failed(a)

    assert names(a) == names(a.dead_letter_queue) == []
    assert letter.dead_letter_reason == "TransferFailed"
    assert why in (letter.dead_letter_description or "")
    assert a.counts(0.0).transfer_dead_letter == a.counts(0.0).total == 1
    found = namespace.resolve_queue("A/$transfer/$deadletterqueue")
    assert found is a.transfer_dead_letter_queue
    assert found.receive(ReceiveMode.RECEIVE_AND_DELETE, 0.0) is letter


def test_dead_letters_go_where_the_queue_sends_them(namespace: Namespace) -> None:
    a = make(namespace, "a", forward_dead_lettered_messages_to="graves", max_delivery_count=1)
    graves = make(namespace, "graves")
    a.send(message(), 0.0)
    received = a.receive(ReceiveMode.PEEK_LOCK, 0.0)
    assert received is not None
    assert received.lock is not None
    a.abandon(received.lock.token, 0.0)
    [letter] = graves.peek(0, 9, 0.0)

    assert names(a.dead_letter_queue) == []
    assert letter.dead_letter_reason == "MaxDeliveryCountExceeded"
    assert (letter.dead_letter_source, letter.delivery_count) == ("a", 0)


def test_dead_letters_that_cannot_be_forwarded_stay(namespace: Namespace) -> None:
    a = make(namespace, "a", forward_dead_lettered_messages_to="nowhere")
    a.update(QueueDescription(dead_lettering_on_message_expiration=True), 0.0)
    a.send(message(time_to_live=1.0), 0.0)
    a.expire(1.0)

    assert names(a.dead_letter_queue) == ["m"]


def test_what_waits_is_forwarded_as_soon_as_the_queue_does_that(namespace: Namespace) -> None:
    a, b = make(namespace, "a"), make(namespace, "b")
    a.send_batch([message("x"), message("held"), message("y")], 0.0)
    a.send(message("later", scheduled_enqueue_time=9.0), 0.0)
    held = [a.receive(ReceiveMode.PEEK_LOCK, 0.0) for _ in range(2)][1]
    assert held is not None
    namespace.update_queue("a", QueueDescription(forward_to="b"), now=0.0)
    before = names(b)
    assert held.lock is not None
    a.abandon(held.lock.token, 0.0)

    assert (before, names(b)) == (["y"], ["y", "held"])
    assert names(a) == ["x", "later"]


def test_nobody_receives_from_a_queue_that_forwards(namespace: Namespace) -> None:
    a = make(namespace, "a", forward_to="b")
    assert a.dead_letter_queue is not None

    with pytest.raises(OperationNotAllowed, match="auto-forwarding"):
        a.check_receiver(of_session=False)
    a.dead_letter_queue.check_receiver(of_session=False)


def test_a_target_has_to_be_there(namespace: Namespace) -> None:
    make(namespace, "b")
    namespace.check_forwarding("a", QueueDescription(forward_to="sb://h/b"))
    with pytest.raises(ArgumentError, match="could not be found"):
        namespace.check_forwarding("a", QueueDescription(forward_dead_lettered_messages_to="c"))


def test_what_a_queue_forwards_to_itself_fails_after_four_hops(namespace: Namespace) -> None:
    a = make(namespace, "a")
    namespace.check_forwarding("a", QueueDescription(forward_to="a"))
    namespace.update_queue("a", QueueDescription(forward_to="a"), now=0.0)
    a.send(message(), 0.0)

    assert (names(a), failed(a).hops) == ([], 4)


def test_messages_of_sessions_are_forwarded_too(namespace: Namespace) -> None:
    a, b = make(namespace, "a", requires_session=True, forward_to="b"), make(namespace, "b")
    a.send(message(session_id="s"), 0.0)

    assert (names(a), names(b)) == ([], ["m"])


def test_a_deleted_queue_is_forgotten_with_its_sub_queues(namespace: Namespace) -> None:
    a = make(namespace, "a", forward_to="nowhere")
    a.send(message(), 0.0)
    namespace.delete_queue("a")

    assert namespace.take_ready() == []


@pytest.mark.parametrize(
    ("target", "path"), [("a/b", "a/b"), ("sb://h:1/a/b", "a/b"), ("https://h", ""), ("/a/", "a")]
)
def test_a_target_may_be_a_url(target: str, path: str) -> None:
    assert entity_path(target) == path
