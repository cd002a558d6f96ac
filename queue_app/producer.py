"""The seam between the API and Celery: the protocol, and its double in memory."""

import time
from collections.abc import Callable, Sized
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from queue_app.errors import BrokerUnavailable, Component, StorageUnavailable
from queue_app.jobs import (
    CANCELLED_RESULT,
    Cancelling,
    JobStatus,
    Progress,
    TaskRecord,
    TaskState,
    failure_result,
    status_of,
)
from queue_app.task_ids import TaskIds

Shown = TypeVar("Shown", bound=Sized)


@dataclass(frozen=True, slots=True)
class Payload:
    """A JSON object that a client enqueues: the bytes as received, and what they say.

    The bytes are what `parse_payload` has read `data` from, or `encode_json` has written of it.
    """

    body: bytes
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Readiness:
    """For each component: None when it answers, else why not (short, no secrets)."""

    broker: str | None = None
    storage: str | None = None

    @property
    def is_ready(self) -> bool:
        """Whether every component answers."""
        return self.broker is None and self.storage is None


class Producer(Protocol):
    """Sends jobs and reads their status, without blocking the event loop."""

    ids: TaskIds
    """Issues the ids of jobs, and recognises them."""

    async def enqueue(
        self, payload: Payload, *, task_id: str | None = None, due_at: float | None = None
    ) -> str:
        """Send a job and return its id (a UUID4), only after the broker has accepted it.

        Args:
            payload: the job.
            task_id: an id of `ids`, when it had to be known before; sending a job again under its
                id is how to make sure that it was sent.
            due_at: not to be started before, in seconds since 1970.

        Raises:
            BrokerUnavailable: the broker did not accept it; it may still have arrived when the
                connection was lost before the answer.
            StorageUnavailable: the payload needs a claim and the storage did not take it.
        """

    async def shown(self, task_id: str, show: Callable[[JobStatus], Shown]) -> Shown:
        """Return what is made of the job's status; an id that was never seen is PENDING.

        Args:
            task_id: the job's.
            show: makes something of a status, and always the same of the same, so that it need not
                be made again while the status is known to be what it was; its length is the bytes
                that it takes.

        Raises:
            StorageUnavailable: the storage did not answer.
            UnreadableRecord: what is stored cannot be read.
        """

    async def record(self, task_id: str) -> TaskRecord | None:
        """Return all that is stored of a task; None when nothing is: it waits, or is unknown.

        Raises:
            StorageUnavailable: the storage did not answer.
            UnreadableRecord: what is stored cannot be read.
        """

    async def cancel(self, task_id: str) -> Cancelling:
        """Keep a task from starting, and ask a worker that runs it to stop it where that works.

        A task that starts at this very moment may run: its record then says so.

        Raises:
            StorageUnavailable: the storage did not answer.
            BrokerUnavailable: it runs, and the broker did not take the wish.
        """

    async def check(self) -> Readiness:
        """Ask every component whether it answers; takes at most four seconds, never raises."""

    async def aclose(self) -> None:
        """Release connections; may be called twice."""


class InMemoryProducer:
    """A producer without broker or storage, for tests of the API and of its clients.

    A test plays the worker with `start`, `advance`, `finish` and `fail`, and the operator with
    `take_down` and `bring_up`. `payloads` holds what was accepted, by task id, in order, and
    `due` when what was scheduled is due, in seconds since 1970.

    Args:
        now: the time, in seconds since 1970.
        can_stop: whether workers can be asked to stop what they run.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.time,  # noqa: TID251 - given to who needs it
        *,
        can_stop: bool = False,
    ) -> None:
        self.ids = TaskIds("memory", now)
        self.payloads: dict[str, Payload] = {}
        self.due: dict[str, float] = {}
        self.closed = False
        self._now = now
        self._can_stop = can_stop
        self._records: dict[str, TaskRecord] = {}
        self._down: dict[Component, str] = {}

    async def enqueue(
        self, payload: Payload, *, task_id: str | None = None, due_at: float | None = None
    ) -> str:
        """Keep the payload; the job is PENDING."""
        if (reason := self._down.get("broker")) is not None:
            raise BrokerUnavailable(reason)
        task_id = task_id or self.ids.new()
        self.payloads[task_id] = payload
        if due_at is not None:
            self.due[task_id] = due_at
        return task_id

    async def shown(self, task_id: str, show: Callable[[JobStatus], Shown]) -> Shown:
        """Return what is made of the job's status, each time anew."""
        return show(status_of(task_id, await self.record(task_id)))

    async def record(self, task_id: str) -> TaskRecord | None:
        """Return what `start`, `advance`, `finish` or `fail` have said; None when they have not."""
        if (reason := self._down.get("storage")) is not None:
            raise StorageUnavailable(reason)
        return self._records.get(task_id)

    async def cancel(self, task_id: str) -> Cancelling:
        """Let `start` find the job cancelled."""
        record = await self.record(task_id)
        if record is not None and record.state is TaskState.STARTED:
            return Cancelling.STOPPING if self._can_stop else Cancelling.RUNNING
        if record is not None and record.state in {TaskState.SUCCESS, TaskState.FAILURE}:
            return Cancelling.ENDED
        self._records[task_id] = TaskRecord(
            task_id, TaskState.REVOKED, CANCELLED_RESULT, ended_at=self._now()
        )
        return Cancelling.CANCELLED

    async def check(self) -> Readiness:
        """Report what was taken down."""
        return Readiness(broker=self._down.get("broker"), storage=self._down.get("storage"))

    async def aclose(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def start(self, task_id: str) -> None:
        """Play a worker that has begun the job, or leaves it because it was cancelled."""
        payload = self.payloads[task_id]
        self._move(
            task_id,
            TaskRecord(
                task_id,
                TaskState.STARTED,
                worker="memory",
                attempts=1,
                started_at=self._now(),
                payload_bytes=len(payload.body),
            ),
        )

    def advance(
        self, task_id: str, done: float, total: float | None = None, message: str = ""
    ) -> None:
        """Play a task that reports its progress."""
        self._move(
            task_id, replace(self._running(task_id), progress=Progress(done, total, message))
        )

    def finish(self, task_id: str, result: Any) -> None:
        """Play a worker whose task returned `result` (any JSON value)."""
        self._end(task_id, TaskState.SUCCESS, result)

    def fail(self, task_id: str, error: BaseException) -> None:
        """Play a worker whose task raised `error`."""
        self._end(task_id, TaskState.FAILURE, failure_result(type(error).__name__, str(error)))

    def take_down(self, component: Component, reason: str = "connection refused") -> None:
        """Let a component answer no more."""
        self._down[component] = reason

    def bring_up(self, component: Component) -> None:
        """Let a component answer again."""
        self._down.pop(component, None)

    def _running(self, task_id: str) -> TaskRecord:
        if task_id not in self._records:
            self.start(task_id)
        return self._records[task_id]

    def _end(self, task_id: str, state: TaskState, result: Any) -> None:
        running = self._running(task_id)
        ended = replace(running, state=state, result=result, progress=None, ended_at=self._now())
        self._move(task_id, ended)

    def _move(self, task_id: str, record: TaskRecord) -> None:
        """As the worker's backend does: a success stays, and only an end follows an end."""
        before = self._records.get(task_id)
        state = TaskState.QUEUED if before is None else before.state
        if state not in {TaskState.SUCCESS, TaskState.REVOKED} and (
            record.state.is_end or not state.is_end
        ):
            self._records[task_id] = record
