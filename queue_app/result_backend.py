"""The result backend of this product: what `celery_azure` stores, and facts about each run."""

from __future__ import annotations

import time
from typing import Any

from celery import states
from celery.exceptions import TaskRevokedError

from celery_azure.blobs import ChangedMeanwhileError
from celery_azure.results import BlobBackend
from queue_app.jobs import Cancelling, Progress, TaskRecord, TaskState, failure_result, task_state

PROGRESS = "PROGRESS"
"""The state under which a running task stores its progress, in Celery's usual way."""

_FACTS = "facts"


class RecordingBackend(BlobBackend):
    """Stores with each state which worker it came from, which attempt it was, and when."""

    def cancel(self, task_id: str) -> Cancelling:
        """Write the end of a task that has not started, if it has not.

        The write is conditional on what was read: a worker that begins at this moment either finds
        it, or is found running.

        Raises:
            AzureError: the storage did not answer, or refuses.
        """
        key = self.get_key_for_task(task_id)
        key = key.decode() if isinstance(key, bytes) else key
        error = self.prepare_exception(TaskRevokedError("cancelled"))
        meta = self._get_result_meta(error, states.REVOKED, None, None)
        content = self.encode({**meta, "task_id": task_id})
        content = content.encode() if isinstance(content, str) else content
        while True:
            stored = self._blobs.read(key)
            state = task_state(self.decode(stored.content)["status"] if stored else states.PENDING)
            if state is TaskState.REVOKED:
                return Cancelling.CANCELLED
            if state.is_end:
                return Cancelling.ENDED
            if state is TaskState.STARTED:
                return Cancelling.RUNNING
            try:
                self._blobs.replace(key, content, stored.etag if stored else None)
            except ChangedMeanwhileError:
                continue
            return Cancelling.CANCELLED

    def _get_result_meta(
        self, result: Any, state: str, traceback: Any, request: Any, *args: Any, **options: Any
    ) -> dict[str, Any]:
        meta: dict[str, Any] = super()._get_result_meta(
            result, state, traceback, request, *args, **options
        )
        now = time.time()  # noqa: TID251 - Celery calls this, nobody can hand it the time
        facts = {} if request is None else _facts(request, now)
        if state in states.READY_STATES:
            facts["ended_at"] = now
        meta[_FACTS] = facts
        return meta


def task_record(task_id: str, meta: dict[str, Any], etag: str | None = None) -> TaskRecord:
    """Read what the backend has stored of a task."""
    state = task_state(meta["status"])
    result = meta.get("result")
    facts = meta.get(_FACTS) or {}
    return TaskRecord(
        task_id,
        state,
        result=_result(state, result),
        progress=_progress(result) if meta["status"] == PROGRESS else None,
        worker=facts.get("worker"),
        queue=facts.get("queue"),
        attempts=facts.get("attempts"),
        started_at=facts.get("started_at"),
        ended_at=facts.get("ended_at"),
        payload_bytes=facts.get("payload_bytes"),
        etag=etag,
    )


def _facts(request: Any, now: float) -> dict[str, Any]:
    """What Celery's request says of the run; the first to ask settles when it started."""
    started_at = getattr(request, "started_at", None)
    if started_at is None:
        started_at = request.started_at = now
    return {
        "worker": getattr(request, "hostname", None),
        "queue": (getattr(request, "delivery_info", None) or {}).get("routing_key"),
        "attempts": (getattr(request, "retries", None) or 0) + 1,
        "started_at": started_at,
        "payload_bytes": getattr(request, "payload_bytes", None),
    }


def _result(state: TaskState, stored: Any) -> Any:
    if state is TaskState.SUCCESS:
        return stored
    return _failure(stored) if state.is_end else None


def _failure(stored: Any) -> dict[str, str]:
    """Celery stores an exception as its class and its arguments."""
    if not isinstance(stored, dict):
        return failure_result("Exception", str(stored))
    arguments = stored.get("exc_message")
    if isinstance(arguments, list):
        text = ", ".join(map(str, arguments))
    else:
        text = "" if arguments is None else str(arguments)
    return failure_result(str(stored.get("exc_type", "Exception")), text)


def _progress(stored: Any) -> Progress | None:
    match stored:
        case {"done": int() | float() as done, **rest}:
            total, message = rest.get("total"), rest.get("message", "")
            return Progress(done, total if isinstance(total, int | float) else None, str(message))
    return None
