from uuid import uuid4

from servicebus_emulator.broker.agenda import Agenda
from servicebus_emulator.broker.entities import QueueDescription
from servicebus_emulator.broker.message import Message, ReceiveMode
from servicebus_emulator.broker.namespace import Namespace
from servicebus_emulator.broker.queue import Queue
from servicebus_emulator.broker.surroundings import Surroundings


def queue(agenda: Agenda, name: str) -> Queue:
    return Queue(name, QueueDescription(), Surroundings(uuid4, agenda=agenda), 0.0)


def test_a_ready_queue_is_told_once() -> None:
    agenda = Agenda()
    one, other = queue(agenda, "one"), queue(agenda, "other")
    for ready in (one, other, one):
        agenda.ready(ready)

    assert agenda.take_ready() == [one, other]
    assert agenda.take_ready() == []


def test_only_an_earlier_reminder_replaces_one() -> None:
    agenda = Agenda()
    reminded = queue(agenda, "queue")

    agenda.remind(reminded, 20.0)
    agenda.remind(reminded, 30.0)
    assert agenda.deadlines.next() == 20.0

    agenda.remind(reminded, 10.0)
    assert agenda.deadlines.next() == 10.0


def test_a_forgotten_queue_is_neither_ready_nor_due() -> None:
    agenda = Agenda()
    gone = queue(agenda, "gone")
    agenda.ready(gone)
    agenda.remind(gone, 1.0)

    agenda.forget(gone)

    assert agenda.take_ready() == []
    assert agenda.deadlines.next() is None


def test_a_reminder_that_was_overtaken_is_no_change() -> None:
    agenda = Agenda()
    idle, busy = queue(agenda, "idle"), queue(agenda, "busy")
    agenda.remind(idle, 5.0)
    for when in (20.0, 30.0):
        busy.send(Message("id", b"", 1, scheduled_enqueue_time=when), 0.0)
    agenda.remind(busy, 10.0)

    assert (agenda.next_change(), agenda.deadlines.get(idle)) == (20.0, None)


def test_without_reminders_there_is_no_change() -> None:
    assert Agenda().next_change() is None


def test_a_lock_is_remembered_though_the_clock_was_asked_before_when_something_happens(
    namespace: Namespace,
) -> None:
    queue = namespace.create_queue("q", QueueDescription(lock_duration=10.0), now=0.0)
    for name in ("a", "b"):
        queue.send(Message(name, b"", 1), 0.0)
    first = queue.receive(ReceiveMode.PEEK_LOCK, 0.0)
    assert first is not None
    assert first.lock is not None
    queue.complete(first.lock.token, 1.0)
    assert namespace.next_change() is None
    queue.receive(ReceiveMode.PEEK_LOCK, 2.0)

    assert namespace.next_deadline() == namespace.next_change() == 12.0
    namespace.expire(12.0)
    assert queue.locked_count == 0
