"""A peer says which frames it takes, and gets no larger ones."""

from __future__ import annotations

import pytest

from celery_azure.amqp import frames
from celery_azure.amqp.codec import UInt
from celery_azure.amqp.connection import Connection, State
from tests.unit.celery_azure.amqp import wire
from tests.unit.celery_azure.amqp.wire import NOW, Recorder
from tests.unit.celery_azure.amqp.world import World


@pytest.mark.parametrize("size", [0, 64, 511])
def test_a_peer_that_takes_hardly_any_bytes_is_told_what_is_the_least(size: int) -> None:
    connection = Connection("host", "id", NOW)
    connection.receive(wire.hello() + wire.opening("host", UInt(size)), NOW)
    assert connection.state is State.CLOSED
    assert str(connection.error) == (
        f"amqp:invalid-field: a peer takes frames of 512 bytes at least, not of {size}"
    )
    assert b"amqp:invalid-field" in connection.take_output()


def test_a_message_is_cut_into_the_smallest_frames_there_are() -> None:
    connection = wire.opened("host", UInt(512))
    link = Recorder()
    wire.attach(connection, link)
    connection.send(link, b"x" * 1000)
    transfers = wire.said(connection)
    assert b"".join(frame.payload for frame in transfers) == b"x" * 1000
    assert [frame.field(5) for frame in transfers] == [True, True, False]


def test_a_link_whose_names_fit_into_no_frame_of_the_peer_is_not_attached() -> None:
    connection = wire.opened("host", UInt(512))
    link = Recorder("q" * 450)
    with pytest.raises(frames.AmqpError, match=r"takes frames of 512 bytes, .* needs 5\d\d"):
        connection.attach(link)
    assert connection.take_output() == b""
    assert link.handle is None


def test_an_outcome_that_fits_into_no_frame_of_the_peer_is_not_told() -> None:
    connection = wire.opened("host", UInt(512))
    link = Recorder(is_receiver=True)
    wire.attach(connection, link)
    assert not connection.settle(link, 1, frames.dead_lettered("why", "x" * 400))
    assert connection.take_output() == b""
    assert connection.settle(link, 1, frames.dead_lettered("why", "x" * 100))
    assert len(connection.take_output()) <= 512


def test_whatever_ends_a_connection_or_a_link_is_told_in_the_smallest_frame_there_is() -> None:
    error = frames.AmqpError("amqp:decode-error", "ü" * 1000)
    assert len(frames.close(error)) <= 512
    assert len(frames.detach(4999, error)) <= 512
    longest_host = "h" * 253
    assert len(frames.open_("c" * 128, longest_host, 60_000)) <= 512
    assert len(frames.sasl_init("ANONYMOUS", b"", longest_host)) <= 512


def test_an_open_without_numbers_means_the_largest_there_are() -> None:
    connection = wire.opened()
    assert connection._peer_frame_bytes == 1_048_576
    assert connection._pulse._peer_idle is None


def test_whoever_publishes_to_it_is_told_when_a_link_cannot_be_attached() -> None:
    world = World()
    assert world.sender().is_attached
    assert world.engine.connection is not None
    world.engine.connection._peer_frame_bytes = 65
    fates = world.submit(world.sender(), "a")
    world.pass_time(1)
    assert fates.conditions == {"a": "amqp:frame-size-too-small"}
