"""The seam between the API and Celery: the protocol, and its double in memory."""

import uuid
from dataclasses import dataclass, replace
from typing import Any, Protocol

from queue_app.errors import BrokerUnavailable, Component, StorageUnavailable
from queue_app.jobs import JobState, JobStatus, failure_result


@dataclass(frozen=True, slots=True)
class Payload:
    """A JSON object that a client enqueues: the bytes as received, and what they say."""

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

    async def enqueue(self, payload: Payload) -> str:
        """Send a job and return its id (a UUID4), only after the broker has accepted it.

        Raises:
            BrokerUnavailable: the broker did not accept it; it may still have arrived when the
                connection was lost before the answer.
            StorageUnavailable: the payload needs a claim and the storage did not take it.
        """

    async def status(self, task_id: str) -> JobStatus:
        """Return the job's status; an id that was never seen is PENDING.

        Raises:
            StorageUnavailable: the storage did not answer.
        """

    async def check(self) -> Readiness:
        """Ask every component whether it answers; takes at most four seconds, never raises."""

    async def aclose(self) -> None:
        """Release connections; may be called twice."""


class InMemoryProducer:
    """A producer without broker or storage, for tests of the API and of its clients.

    A test plays the worker with `start`, `finish` and `fail`, and the operator with `take_down`
    and `bring_up`. `payloads` holds what was accepted, by task id, in order.
    """

    def __init__(self) -> None:
        self.payloads: dict[str, Payload] = {}
        self.closed = False
        self._jobs: dict[str, JobStatus] = {}
        self._down: dict[Component, str] = {}

    async def enqueue(self, payload: Payload) -> str:
        """Keep the payload; the job is PENDING."""
        if (reason := self._down.get("broker")) is not None:
            raise BrokerUnavailable(reason)
        task_id = str(uuid.uuid4())
        self.payloads[task_id] = payload
        self._jobs[task_id] = JobStatus(task_id, JobState.PENDING)
        return task_id

    async def status(self, task_id: str) -> JobStatus:
        """Return what `start`, `finish` or `fail` last said of the job."""
        if (reason := self._down.get("storage")) is not None:
            raise StorageUnavailable(reason)
        return self._jobs.get(task_id, JobStatus(task_id, JobState.PENDING))

    async def check(self) -> Readiness:
        """Report what was taken down."""
        return Readiness(broker=self._down.get("broker"), storage=self._down.get("storage"))

    async def aclose(self) -> None:
        """Remember that it was closed."""
        self.closed = True

    def start(self, task_id: str) -> None:
        """Play a worker that has begun the job."""
        self._move(task_id, JobState.STARTED)

    def finish(self, task_id: str, result: Any) -> None:
        """Play a worker whose task returned `result` (any JSON value)."""
        self._move(task_id, JobState.SUCCESS, result)

    def fail(self, task_id: str, error: BaseException) -> None:
        """Play a worker whose task raised `error`."""
        self._move(task_id, JobState.FAILURE, failure_result(type(error).__name__, str(error)))

    def take_down(self, component: Component, reason: str = "connection refused") -> None:
        """Let a component answer no more."""
        self._down[component] = reason

    def bring_up(self, component: Component) -> None:
        """Let a component answer again."""
        self._down.pop(component, None)

    def _move(self, task_id: str, state: JobState, result: Any = None) -> None:
        self._jobs[task_id] = replace(self._jobs[task_id], state=state, result=result)
