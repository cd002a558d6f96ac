from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from celery_azure.amqp import frames
from celery_azure.amqp.codec import encode_list
from celery_azure.amqp.connection import Connection, Link, State
from tests.unit.celery_azure.amqp.world import World

if TYPE_CHECKING:
    from celery_azure.amqp.frames import AmqpError


class Recorder(Link):
    """A link that tells what happens to it."""

    def __init__(self, entity: str) -> None:
        super().__init__(entity, entity)
        self.is_receiver = False
        self.told: list[str] = []

    def on_attached(self, now: float) -> None:
        del now
        self.told.append("attached")

    def on_down(self, error: AmqpError, now: float) -> None:
        del now
        self.told.append(error.condition)


def test_garbage_ends_the_connection_and_nothing_else() -> None:
    connection = Connection("host", "id", 0.0)
    connection.receive(b"HTTP/1.1 400 Bad Request\r\n", 1.0)
    assert connection.state is State.CLOSED
    assert connection.error is not None
    assert connection.error.condition == "amqp:decode-error"


@pytest.mark.parametrize("header", [frames.AMQP_HEADER, b"AMQP\x02\x01\x00\x00"])
def test_another_protocol_than_sasl_is_not_spoken(header: bytes) -> None:
    connection = Connection("host", "id", 0.0)
    connection.receive(header, 1.0)
    assert connection.state is State.CLOSED


def test_a_peer_that_does_not_answer_is_given_up() -> None:
    connection = Connection("host", "id", 0.0)
    assert connection.deadline() == 20.0
    connection.expire(20.0)
    assert connection.state is State.CLOSED


def test_a_forced_close_reaches_every_link_with_its_reason() -> None:
    world = World()
    link = Recorder("jobs")
    world.engine.add(link, world.now)
    world.turn()
    connection = world.engine.connection
    assert connection is not None
    error = b"\x00\x53\x1d\xc0\x1a\x02\xa3\x16amqp:connection:forced\xa1\x00"
    body = b"\x00\x53\x18" + encode_list([error])
    connection.receive((len(body) + 8).to_bytes(4, "big") + b"\x02\0\0\0" + body, world.now)
    assert link.told == ["attached", "amqp:connection:forced"]
    assert connection.take_output().endswith(frames.close())


def test_the_number_of_a_closed_link_waits_for_the_answer() -> None:
    world = World()
    first, second = Recorder("jobs"), Recorder("jobs")
    world.engine.add(first, world.now)
    world.turn()
    handle = first.handle
    world.engine.remove(first)
    world.engine.add(second, world.now)
    assert second.handle != handle
    world.turn()
    world.engine.add(first, world.now)
    assert first.handle == handle


def test_a_window_that_is_used_up_holds_transfers_back() -> None:
    world = World()
    sender = world.sender()
    connection = world.engine.connection
    assert connection is not None
    connection._remote_window = 1
    fates = world.submit(sender, "x" * 100_000)
    assert len(connection._blocked) == 3
    opened = frames.flow((connection._next_outgoing_id, 100, 0, 100), None)
    connection.receive(opened, world.now)
    world.turn()
    assert fates.accepted
