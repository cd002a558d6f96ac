from __future__ import annotations

from typing import TYPE_CHECKING

from celery_azure.amqp import link as links
from celery_azure.amqp import performatives as codes
from celery_azure.amqp.codec import UInt
from celery_azure.amqp.connection import Connection, State
from tests.unit.celery_azure.amqp import wire
from tests.unit.celery_azure.amqp.wire import NOW, Recorder

if TYPE_CHECKING:
    import pytest


def receiving(credit: int = 10) -> tuple[Connection, Recorder]:
    connection, link = wire.opened(), Recorder(is_receiver=True)
    wire.attach(connection, link)
    connection.give_credit(link, credit)
    return connection, link


def test_a_delivery_in_parts_is_put_together() -> None:
    connection, link = receiving()
    connection.receive(wire.transfer(3, b"one ", more=True), NOW)
    connection.receive(wire.transfer(None, b"two ", more=True), NOW)
    connection.receive(wire.transfer(3, b"three"), NOW)
    assert link.deliveries == [(b"one two three", 3, b"tag")]
    assert (link.credit, link.delivery_count) == (9, 1)


def test_a_delivery_that_is_given_up_leaves_nothing() -> None:
    connection, link = receiving()
    connection.receive(wire.transfer(3, b"one ", more=True), NOW)
    connection.receive(wire.transfer(None, b"two ", more=True, aborted=True), NOW)
    connection.receive(wire.transfer(4, b"whole"), NOW)
    assert link.deliveries == [(b"whole", 4, b"tag")]


def test_a_delivery_in_the_middle_of_another_is_refused() -> None:
    connection, _ = receiving()
    connection.receive(wire.transfer(3, more=True), NOW)
    connection.receive(wire.transfer(4), NOW)
    assert connection.error is not None
    assert "in the middle" in connection.error.description


def test_a_delivery_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "LARGEST_MESSAGE", 100)
    connection, link = receiving()
    for _ in range(3):
        assert connection.state is State.OPEN
        connection.receive(wire.transfer(3, b"x" * 50, more=True), NOW)
    assert connection.state is State.CLOSED
    assert link.deliveries == []


def test_credit_that_overtakes_messages_under_way_counts_them() -> None:
    connection, link = wire.opened(), Recorder()
    wire.attach(connection, link)
    for _ in range(3):
        connection.send(link, b"x")
    connection.receive(wire.flow(handle=7, count=1, credit=5), NOW)
    assert link.credit == 3
    connection.receive(wire.flow(handle=7, count=0, credit=2), NOW)
    assert link.credit == 0


def test_a_flow_without_credit_changes_none() -> None:
    connection, link = wire.opened(), Recorder()
    wire.attach(connection, link)
    before = link.credit
    session = None, UInt(10), UInt(0), UInt(10)
    connection.receive(wire.frame(codes.FLOW, *session, UInt(7)), NOW)
    assert link.credit == before


def test_a_sender_of_messages_is_free_to_settle_and_a_receiver_waits_for_the_word() -> None:
    connection = wire.opened()
    connection.attach(Recorder())
    connection.attach(Recorder(is_receiver=True))
    sending, receiving = wire.said(connection)
    assert sending.fields[2:5] == [False, 0, 0]
    assert receiving.fields[2:5] == [True, 0, 1]
    assert receiving.field(10) == links.LARGEST_MESSAGE
