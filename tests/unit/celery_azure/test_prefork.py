"""The pool writes as Celery's own does, in fewer pieces; what is around it stands in memory."""

from __future__ import annotations

import struct
from collections import deque
from pickle import loads
from types import SimpleNamespace
from typing import Any

import pytest
from celery.concurrency import prefork

from celery_azure.prefork import AsynPool, TaskPool

FD = 7


class Hub:
    """Stands for kombu's event loop."""

    consolidate_callback: Any

    def add(self, *_: object, **__: object) -> None:
        """Nothing waits."""

    add_writer = remove = remove_writer = add


class Pipe:
    """Stands for the pipe to a child; takes at most `room` bytes with each write."""

    index = 0

    def __init__(self, room: int) -> None:
        self.room = room
        self.writes: list[bytes] = []

    def send_job_offset(self, data: Any, offset: int) -> int:
        self.writes.append(bytes(data[offset:][: self.room]))
        return len(self.writes[-1])


class Job(SimpleNamespace):
    """What the pool knows of a task."""

    _accepted = False


def write(pipe: Pipe, argument: bytes) -> None:
    """Give a child a task with Celery's own code."""
    pool, hub = AsynPool.__new__(AsynPool), Hub()
    pool.__dict__.update(
        _cache={1: Job()},
        _fileno_to_inq={FD: pipe},
        _fileno_to_synq={},
        _all_inqueues={FD},
        _active_writes=set(),
        _active_writers=set(),
        _busy_workers=set(),
        outbound_buffer=deque(),
        sched_strategy=None,
        write_stats={0: 0},
    )
    pool._create_write_handlers(hub)
    pool._quick_put((2, (1, None, "task", (argument,), {})))
    hub.consolidate_callback([FD])


def sent(pipe: Pipe) -> Any:
    """What the child reads."""
    data = b"".join(pipe.writes)
    assert struct.unpack(">I", data[:4])[0] == len(data) - 4
    return loads(data[4:])[1][3]  # noqa: S301 - written here


def test_a_task_goes_to_its_child_in_one_write() -> None:
    pipe = Pipe(room=4096)
    write(pipe, b"x" * 300)
    assert len(pipe.writes) == 1
    assert sent(pipe) == (b"x" * 300,)


@pytest.mark.parametrize("room", [1000, 65_536])
def test_a_task_that_a_pipe_may_take_in_parts_is_written_as_celery_does(room: int) -> None:
    pipe = Pipe(room)
    write(pipe, b"x" * 5000)
    assert len(pipe.writes[0]) == 4
    assert sent(pipe) == (b"x" * 5000,)


def test_it_is_celery_s_pool_otherwise() -> None:
    assert issubclass(TaskPool, prefork.TaskPool)
    assert issubclass(AsynPool, prefork.TaskPool.Pool)
