"""What the API and the worker agree on: the task's name, job states and ids."""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

TASK_NAME = "queue_app.tasks.process_data"
"""The Celery name of the task: the API sends by it and never imports the task."""

CANCELLED_RESULT = {"type": "TaskRevokedError", "message": "cancelled"}
"""The result of a job that was cancelled."""

TASK_ID_PATTERN = "^[A-Za-z0-9_]([A-Za-z0-9_.:@=+~-]{0,253}[A-Za-z0-9_:@=+~-])?$"
"""Ids that a message-id, a blob's name and a URL can all carry as they are (ECMA 262 syntax)."""

_TASK_ID = re.compile(TASK_ID_PATTERN.strip("^$"))


class JobState(StrEnum):
    """The state of a job as clients see it."""

    PENDING = "PENDING"
    STARTED = "STARTED"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job at one moment.

    `result` is None until the job has ended; then it is what the task returned (any JSON value),
    or, for FAILURE, `failure_result(...)`.
    """

    task_id: str
    state: JobState
    result: Any = None


class TaskState(StrEnum):
    """The state of a task in full, as the extended view shows it."""

    QUEUED = "QUEUED"
    STARTED = "STARTED"
    RETRY = "RETRY"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    REVOKED = "REVOKED"

    @property
    def is_end(self) -> bool:
        """Whether nothing follows."""
        return self in {TaskState.SUCCESS, TaskState.FAILURE, TaskState.REVOKED}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running task is: `done` of `total` (None: nobody knows), and what it does now."""

    done: float
    total: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """What is stored of a task; times in seconds since 1970, sizes in bytes, None for unknown.

    `etag` is the version of what is stored: as long as it is the same, so is everything.
    """

    task_id: str
    state: TaskState
    result: Any = None
    progress: Progress | None = None
    worker: str | None = None
    queue: str | None = None
    attempts: int | None = None
    started_at: float | None = None
    ended_at: float | None = None
    payload_bytes: int | None = None
    etag: str | None = field(default=None, compare=False)

    def status(self) -> JobStatus:
        """The job as `/status` shows it."""
        return JobStatus(self.task_id, job_state(self.state), self.result)


def status_of(task_id: str, record: TaskRecord | None) -> JobStatus:
    """The job as `/status` shows it; one of which nothing is stored is PENDING."""
    return JobStatus(task_id, JobState.PENDING) if record is None else record.status()


class Cancelling(StrEnum):
    """What became of the wish to cancel a task."""

    CANCELLED = "cancelled"
    """It had not started and never will."""

    STOPPING = "stopping"
    """It runs, and its worker was asked to stop it."""

    RUNNING = "running"
    """It runs, and nobody can be asked to stop it."""

    ENDED = "ended"
    """It had ended before."""


_BY_CELERY_STATE = {
    "QUEUED": JobState.PENDING,
    "PENDING": JobState.PENDING,
    "RECEIVED": JobState.PENDING,
    "RETRY": JobState.PENDING,
    "STARTED": JobState.STARTED,
    "SUCCESS": JobState.SUCCESS,
    "IGNORED": JobState.SUCCESS,
    "FAILURE": JobState.FAILURE,
    "REVOKED": JobState.FAILURE,
    "REJECTED": JobState.FAILURE,
}

_IN_FULL = {
    "PENDING": TaskState.QUEUED,
    "RECEIVED": TaskState.QUEUED,
    "RETRY": TaskState.RETRY,
    "SUCCESS": TaskState.SUCCESS,
    "IGNORED": TaskState.SUCCESS,
    "FAILURE": TaskState.FAILURE,
    "REJECTED": TaskState.FAILURE,
    "REVOKED": TaskState.REVOKED,
}


def job_state(celery_state: str) -> JobState:
    """What a client sees of a Celery state.

    A state that Celery does not know was set by the task itself (`update_state`): it is running.
    """
    return _BY_CELERY_STATE.get(celery_state, JobState.STARTED)


def task_state(celery_state: str) -> TaskState:
    """The state of a task in full for a Celery state, own states of tasks included."""
    return _IN_FULL.get(celery_state, TaskState.STARTED)


def failure_result(error_type: str, message: str) -> dict[str, str]:
    """The result of a job that failed: the exception's class name and text, no traceback."""
    return {"type": error_type, "message": message}


def is_task_id(text: str) -> bool:
    """Whether a task can have this id.

    Ids made here are UUIDs; Celery lets other producers choose any text, of which ASCII letters,
    digits and ``_ . : @ = + ~ -`` up to 255 characters are supported.
    """
    return _TASK_ID.fullmatch(text) is not None
