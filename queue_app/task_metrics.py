"""What becomes of tasks in a worker, and how long they wait and run, for Prometheus.

Counted in the worker's main process, whatever its pool: Celery hands each delivery of a task to a
request there, which learns of its start and of its end.
"""

from __future__ import annotations

import time
from typing import Any, Protocol

from billiard.exceptions import Terminated, WorkerLostError
from celery.exceptions import Ignore, Reject, Retry
from celery.worker.state import successful_requests
from prometheus_client import CollectorRegistry, Counter, Histogram

from celery_azure.dead_lettering import DeadLetteringRequest, original_error

STATES = ("started", "succeeded", "failed", "retried", "revoked", "left", "lost")

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
_OUTCOMES = (
    (Retry, "retried"),
    (Terminated, "revoked"),
    (WorkerLostError, "lost"),
    (Ignore | Reject, "left"),
)


class TaskMeter:
    """The instruments of one worker; `registry` has them."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._states = Counter(
            "queue_app_worker_task_states",
            "Runs of tasks that came into a state. Left: there was nothing to do; lost: the "
            "process that ran it died, and it comes again.",
            ["task", "state"],
            registry=self.registry,
        )
        self._runs = Histogram(
            "queue_app_worker_task_run_seconds",
            "From the start of a run until its end is stored.",
            ["task"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._waits = Histogram(
            "queue_app_worker_task_wait_seconds",
            "From when a message could be had of the queue until its run starts; by the clocks "
            "of broker and worker.",
            ["task"],
            buckets=_SECONDS,
            registry=self.registry,
        )

    def expect(self, task: str) -> None:
        """Show a task from now on, with nothing counted."""
        for state in STATES:
            self._states.labels(task, state)
        self._runs.labels(task)
        self._waits.labels(task)

    def started(self, task: str, waited: float | None) -> None:
        """Count a run that starts; `waited` in seconds, None where nobody knows."""
        self._states.labels(task, "started").inc()
        if waited is not None:
            self._waits.labels(task).observe(max(0.0, waited))

    def ended(self, task: str, state: str, seconds: float | None) -> None:
        """Count the end of a run that took so many seconds; None for one that never started."""
        self._states.labels(task, state).inc()
        if seconds is not None:
            self._runs.labels(task).observe(seconds)


class MeteredTask(Protocol):
    """What a task has for `MeasuredRequest`."""

    meter: TaskMeter


class MeasuredRequest(DeadLetteringRequest):
    """One delivery of a task, counted."""

    _began: float | None = None  # by the machine's monotonic clock
    _has_ended = False

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        """Count the start."""
        super().on_accepted(pid, time_accepted)
        self._began = time_accepted
        enqueued_at = self.message.delivery_info.get("enqueued_at")
        waited = None if enqueued_at is None else self.time_start - enqueued_at
        self._meter.started(self.name, waited)

    def on_failure(self, exc_info: Any, *arguments: Any, **options: Any) -> Any:
        """Count the end of a run that was no success, and handle it."""
        error = original_error(exc_info.exception)
        outcomes = (state for kind, state in _OUTCOMES if isinstance(error, kind))
        self._end(next(outcomes, "failed"))
        return super().on_failure(exc_info, *arguments, **options)

    def acknowledge(self) -> None:
        """Count a success, which is acknowledged once its result is stored."""
        if self.id in successful_requests:
            self._end("succeeded")
        super().acknowledge()

    def _announce_revoked(self, *arguments: Any, **options: Any) -> None:
        """Count a run that was revoked, before it started or while it ran."""
        self._end("revoked")
        super()._announce_revoked(*arguments, **options)

    def _end(self, state: str) -> None:
        if not self._has_ended:
            self._has_ended = True
            seconds = None if self._began is None else time.monotonic() - self._began
            self._meter.ended(self.name, state, seconds)

    @property
    def _meter(self) -> TaskMeter:
        task: MeteredTask = self.task
        return task.meter
