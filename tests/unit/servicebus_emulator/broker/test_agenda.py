from uuid import uuid4

from servicebus_emulator.broker.agenda import Agenda
from servicebus_emulator.broker.entities import Limits, QueueDescription
from servicebus_emulator.broker.queue import Queue


def queue(agenda: Agenda, name: str) -> Queue:
    return Queue(name, QueueDescription(), Limits(), agenda, uuid4, 0.0)


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
