"""What the API and the worker agree on: the task's name, job states and ids."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

TASK_NAME = "queue_app.tasks.process_data"
"""The Celery name of the task: the API sends by it and never imports the task."""

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


_BY_CELERY_STATE = {
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


def job_state(celery_state: str) -> JobState:
    """What a client sees of a Celery state.

    A state that Celery does not know was set by the task itself (`update_state`): it is running.
    """
    return _BY_CELERY_STATE.get(celery_state, JobState.STARTED)


def failure_result(error_type: str, message: str) -> dict[str, str]:
    """The result of a job that failed: the exception's class name and text, no traceback."""
    return {"type": error_type, "message": message}


def is_task_id(text: str) -> bool:
    """Whether a task can have this id.

    Ids made here are UUIDs; Celery lets other producers choose any text, of which ASCII letters,
    digits and ``_ . : @ = + ~ -`` up to 255 characters are supported.
    """
    return _TASK_ID.fullmatch(text) is not None
