"""The pool gives its children tasks as Celery's own does, in fewer steps; around it is memory."""

from __future__ import annotations

import pickle
import struct
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from celery.concurrency import asynpool, prefork

from celery_azure.prefork import AsynPool, TaskPool
from tests.unit.celery_azure.pool_hub import Hub

if TYPE_CHECKING:
    from collections.abc import Iterator


# -- writing -------------------------------------------------------------------------------------


class Pipe:
    """Stands for the pipe to a child; takes at most `room` bytes with each write, and no more."""

    index = 0

    def __init__(self, room: int, total: int = 1 << 20) -> None:
        self.room, self.total = room, total
        self.writes: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Take up to 4 KB all at once or not at all, as POSIX has it."""
        if len(data) <= 4096 and self.total < len(data):
            raise BlockingIOError(11, "Resource temporarily unavailable")
        return self.send_job_offset(data, 0)

    def send_job_offset(self, data: Any, offset: int) -> int:
        taken = bytes(data[offset:][: min(self.room, self.total)])
        if not taken:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.total -= len(taken)
        self.writes.append(taken)
        return len(taken)


class Job(SimpleNamespace):
    """What the pool knows of a task."""

    _accepted = False


class Children:
    """A pool whose children are pipes, by their descriptors, from 7 on."""

    def __init__(self, *pipes: Pipe, strategy: object = asynpool.SCHED_STRATEGY_FAIR) -> None:
        self.hub = Hub()
        self.pipes = dict(enumerate(pipes, 7))
        self.pool = AsynPool.__new__(AsynPool)
        self.pool.__dict__.update(
            _cache={number: Job() for number in range(9)},
            _fileno_to_inq=self.pipes,
            _fileno_to_synq={},
            _all_inqueues=set(self.pipes),
            _active_writes=set(),
            _active_writers=set(),
            _busy_workers=set(),
            outbound_buffer=deque(),
            sched_strategy=strategy,
            write_stats={0: 0},
        )
        self.pool._create_write_handlers(self.hub)
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(
            "celery_azure.prefork.os.write", lambda fd, data: self.pipes[fd].write(data)
        )

    def give(self, number: int, argument: bytes = b"") -> None:
        self.pool._quick_put((2, (number, None, "task", (argument,), {})))

    def sent(self, fd: int) -> list[int]:
        """The numbers of the tasks that a child reads."""
        data, numbers = b"".join(self.pipes[fd].writes), []
        while data:
            (size,) = struct.unpack(">I", data[:4])
            numbers.append(pickle.loads(data[4 : 4 + size])[1][0])  # noqa: S301 - written here
            data = data[4 + size :]
        return numbers


MakeChildren = Callable[..., Children]


@pytest.fixture
def make_children() -> Iterator[MakeChildren]:
    made: list[Children] = []

    def make(*pipes: Pipe, **options: object) -> Children:
        made.append(Children(*pipes, **options))
        return made[-1]

    yield make
    for children in made:
        children.patch.undo()


def test_a_task_goes_to_its_child_at_once_and_in_one_write(make_children: MakeChildren) -> None:
    children = make_children(Pipe(room=4096))
    children.give(1, b"x" * 300)
    assert len(children.pipes[7].writes) == 1
    assert children.sent(7) == [1]
    assert children.pool._busy_workers == {7}
    assert children.pool.write_stats == {0: 1}
    assert not children.pool._active_writes
    job = children.pool._cache[1]
    assert job._write_to is job._scheduled_for is children.pipes[7]


@pytest.mark.parametrize("room", [1000, 65_536])
def test_a_task_that_a_pipe_may_take_in_parts_is_written_as_celery_does(
    room: int, make_children: MakeChildren
) -> None:
    children = make_children(Pipe(room))
    children.give(1, b"x" * 5000)
    assert len(children.pipes[7].writes[0]) == 4
    assert children.sent(7) == [1]
    assert children.pool._busy_workers == {7}


def test_a_task_waits_until_a_child_is_free(make_children: MakeChildren) -> None:
    children = make_children(Pipe(4096), Pipe(4096))
    for number in (1, 2, 3, 4):
        children.give(number)
    assert sorted(children.sent(7) + children.sent(8)) == [1, 2]

    children.pool.on_poll_start()  # still nobody is free
    assert sorted(children.sent(7) + children.sent(8)) == [1, 2]

    children.pool._busy_workers.discard(8)  # as when the child has said that it is ready
    children.give(5)
    assert children.sent(8)[1:] == [3]  # who came first is first
    assert len(children.pool.outbound_buffer) == 2


def test_a_task_goes_to_one_child_only_when_several_are_free(make_children: MakeChildren) -> None:
    children = make_children(Pipe(4096), Pipe(4096))
    children.give(1)
    assert children.sent(7) + children.sent(8) == [1]


def test_a_task_whose_child_has_gone_is_given_to_another(make_children: MakeChildren) -> None:
    children = make_children(Pipe(4096), Pipe(4096))
    children.give(1)
    job = children.pool._cache[1]
    (gone,) = children.pool._busy_workers
    children.pool._all_inqueues.discard(gone)
    job._terminated, job.correlation_id = None, "1"
    children.pool._put_back(job)
    children.pool.on_poll_start()
    assert children.sent(7) == children.sent(8) == [1]


def test_what_a_pipe_does_not_take_is_written_when_it_does(make_children: MakeChildren) -> None:
    pipe = Pipe(4096, total=4100)
    children = make_children(pipe)
    children.give(1, b"x" * 5000)
    assert children.pool._active_writes == {7}
    children.give(2)
    assert len(children.pool.outbound_buffer) == 1  # nothing comes between the parts of a task

    pipe.total = 4096
    writer, _ = children.hub.writers[7]
    with pytest.raises(StopIteration):
        next(writer)
    assert children.sent(7) == [1]
    assert children.hub.removals == [7]


def test_a_short_task_waits_while_a_pipe_is_full(make_children: MakeChildren) -> None:
    pipe = Pipe(4096, total=3)
    children = make_children(pipe)
    children.give(1)
    assert children.pool._active_writes == {7}
    pipe.total = 4096
    writer, _ = children.hub.writers[7]
    with pytest.raises(StopIteration):
        next(writer)
    assert children.sent(7) == [1]


def test_the_event_loop_is_not_asked_to_forget_what_it_does_not_know(
    make_children: MakeChildren,
) -> None:
    children = make_children(Pipe(4096))
    children.give(1, b"x" * 5000)
    assert not children.hub.removals


def test_with_the_fast_strategy_celery_decides_when_to_write(make_children: MakeChildren) -> None:
    children = make_children(Pipe(4096), strategy=asynpool.SCHED_STRATEGY_FCFS)
    children.give(1)
    assert not children.sent(7)
    children.hub.consolidate_callback([7])
    assert children.sent(7) == [1]


# -- children that end ---------------------------------------------------------------------------


def test_a_child_whose_end_is_not_told_yet_is_looked_at_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool, hub, child = AsynPool.__new__(AsynPool), Hub(), SimpleNamespace(_sentinel_poll=None)
    looks: list[float] = []
    pool._pool = [child]
    monkeypatch.setattr(AsynPool, "maintain_pool", lambda _: looks.append(sum(hub.later)))
    pool._event_process_exit(hub, child)
    while hub.soon and len(looks) < 4:
        callback, arguments = hub.soon.pop()
        callback(*arguments)
    assert looks == [0, 0.005, 0.015, 0.035]

    pool._pool.clear()
    callback, arguments = hub.soon.pop()
    callback(*arguments)
    assert not hub.soon


def test_a_child_that_does_not_end_is_left_to_celery(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, hub, child = AsynPool.__new__(AsynPool), Hub(), SimpleNamespace(_sentinel_poll=None)
    pool._pool = [child]
    monkeypatch.setattr(AsynPool, "maintain_pool", lambda _: None)
    pool._event_process_exit(hub, child)
    while hub.soon:
        callback, arguments = hub.soon.pop()
        callback(*arguments)
    assert 1 < sum(hub.later) < 5


def test_it_is_celery_s_pool_otherwise() -> None:
    assert issubclass(TaskPool, prefork.TaskPool)
    assert issubclass(AsynPool, prefork.TaskPool.Pool)
    assert issubclass(AsynPool.ResultHandler, asynpool.AsynPool.ResultHandler)
