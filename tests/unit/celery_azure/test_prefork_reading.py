"""The pool hears what its children say as Celery's own does, in fewer pieces."""

from __future__ import annotations

import os
import pickle
import struct
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from billiard.pool import DEATH
from hypothesis import given
from hypothesis import strategies as st

from celery_azure.prefork import ResultHandler
from tests.unit.celery_azure.pool_hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator


def framed(*messages: object) -> bytes:
    """What a child writes."""
    contents = [pickle.dumps(message) for message in messages]
    return b"".join(struct.pack(">i", len(one)) + one for one in contents)


class Listening:
    """A result handler, and the pipe at whose end it listens."""

    def __init__(self) -> None:
        self.hub = Hub()
        self.told: list[object] = []
        self.out, self.into = os.pipe()
        os.set_blocking(self.out, False)
        self.handler = ResultHandler.__new__(ResultHandler)
        self.handler.__dict__.update(
            fileno_to_outq={self.out: object()}, on_state_change=self.told.append
        )
        self.handler.register_with_event_loop(self.hub)
        self.hub.add_reader(self.out, self.handler.handle_event, self.out)

    def write(self, data: bytes) -> None:
        os.write(self.into, data)

    def turn(self) -> None:
        """Do what the event loop does when there is something to read."""
        callback, arguments = self.hub.readers[self.out]
        if callable(callback):
            callback(*arguments)
        else:
            next(callback, None)

    def close(self) -> None:
        os.close(self.out)
        if self.into >= 0:
            os.close(self.into)


@pytest.fixture
def listening() -> Iterator[Listening]:
    listening = Listening()
    yield listening
    listening.close()


MESSAGES = [(1, (1, None, 12.5, 99, None)), (2, (1, None, (True, "x" * 300), 7)), (1, (2,))]


def test_all_that_a_child_has_sent_is_read_at_once(listening: Listening) -> None:
    listening.write(framed(*MESSAGES))
    listening.turn()
    assert listening.told == MESSAGES


def test_nothing_to_read_is_no_end(listening: Listening) -> None:
    listening.turn()
    listening.write(framed(*MESSAGES))
    listening.turn()
    assert listening.told == MESSAGES


def test_a_sentinel_is_no_message(listening: Listening) -> None:
    listening.write(framed(None, MESSAGES[0]))
    listening.turn()
    assert listening.told == MESSAGES[:1]


@given(st.lists(st.integers(1, len(framed(*MESSAGES)) - 1), unique=True, max_size=5))
def test_messages_may_come_in_any_pieces(cuts: list[int]) -> None:
    listening, data = Listening(), framed(*MESSAGES)
    try:
        for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(data)], strict=True):
            listening.write(data[start:end])
            listening.turn()
            listening.turn()  # the loop asks again while there is something
        assert listening.told == MESSAGES
        assert listening.hub.readers[listening.out] == (
            listening.handler.handle_event,
            (listening.out,),
        )
    finally:
        listening.close()


def test_what_fails_with_one_message_does_not_cost_the_others(listening: Listening) -> None:
    def refuse_the_first(message: object) -> None:
        if message == MESSAGES[0]:
            raise SystemExit
        listening.told.append(message)

    listening.handler.on_state_change = refuse_the_first
    listening.write(framed(*MESSAGES) + framed(MESSAGES[1])[:20])
    with pytest.raises(SystemExit):
        listening.turn()
    for callback, arguments in listening.hub.soon:
        callback(*arguments)
    assert listening.told == MESSAGES[1:]

    listening.write(framed(MESSAGES[1])[20:])
    listening.turn()
    assert listening.told[2:] == MESSAGES[1:2]


def test_a_child_that_ends_is_signalled_until_it_has(listening: Listening) -> None:
    child = SimpleNamespace(pid=99, is_alive=lambda: len(listening.told) < 3)
    listening.handler.fileno_to_outq[listening.out] = child
    listening.write(framed((DEATH, (99, 0))))
    listening.turn()
    while listening.hub.soon:
        callback, arguments = listening.hub.soon.pop()
        callback(*arguments)
    assert listening.told == [(DEATH, (99, 0))] * 3
    assert listening.hub.later == [0.005, 0.01, 0.02]


def test_a_child_that_does_not_end_is_not_signalled_for_ever(listening: Listening) -> None:
    child = SimpleNamespace(pid=99, is_alive=lambda: True)
    listening.handler.fileno_to_outq[listening.out] = child
    listening.write(framed((DEATH, (99, 0))))
    listening.turn()
    while listening.hub.soon:
        callback, arguments = listening.hub.soon.pop()
        callback(*arguments)
    assert sum(listening.hub.later) < 10


def test_another_process_with_the_number_of_a_child_is_let_alone(listening: Listening) -> None:
    listening.handler.fileno_to_outq[listening.out] = SimpleNamespace(pid=98)
    listening.write(framed((DEATH, (99, 0))))
    listening.turn()
    [(callback, arguments)] = listening.hub.soon
    callback(*arguments)
    assert listening.told == [(DEATH, (99, 0))]


def test_who_has_closed_the_pipe_is_not_listened_to(listening: Listening) -> None:
    os.close(listening.into)
    listening.into = -1
    listening.turn()
    assert not listening.hub.readers


def test_who_has_closed_the_pipe_in_the_midst_of_a_message_is_an_error(
    listening: Listening,
) -> None:
    listening.write(framed(*MESSAGES)[:-1])
    listening.turn()
    os.close(listening.into)
    listening.into = -1
    with pytest.raises(EOFError):
        listening.turn()


def test_a_pipe_that_is_gone_is_not_listened_to(
    listening: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr("celery_azure.prefork.os.read", fail)
    listening.turn()
    assert not listening.hub.readers


def test_a_child_that_is_forgotten_is_not_listened_to(listening: Listening) -> None:
    listening.handler.fileno_to_outq.clear()
    listening.turn()
    assert not listening.hub.readers
