"""Tasks as clients see them: the members of answers."""

from datetime import UTC, datetime
from typing import Any

from queue_app.errors import UnrepresentableResult
from queue_app.jobs import JobStatus, Progress, TaskRecord, TaskState
from queue_app.payload import encode_json


def status_body(status: JobStatus) -> bytes:
    """The answer of `/status`, encoded.

    Raises:
        UnrepresentableResult: the task returned what JSON cannot say.
    """
    return _encode(
        {"task_id": status.task_id, "status": status.state.value, "result": status.result}
    )


def task_body(record: TaskRecord, enqueued_at: float | None) -> bytes:
    """The answer of `/tasks`, encoded.

    Raises:
        UnrepresentableResult: the task returned what JSON cannot say.
    """
    result = _encode(record.result)
    is_success = record.state is TaskState.SUCCESS
    return _encode(
        {
            "task_id": record.task_id,
            "state": record.state.value,
            "result": record.result,
            "progress": progress_members(record.progress),
            "enqueued_at": time_text(enqueued_at),
            "started_at": time_text(record.started_at),
            "ended_at": time_text(record.ended_at),
            "attempts": record.attempts,
            "worker": record.worker,
            "queue": record.queue,
            "payload_bytes": record.payload_bytes,
            "result_bytes": len(result) if is_success else None,
        }
    )


def progress_members(progress: Progress | None) -> dict[str, Any] | None:
    """The progress of a task, or null."""
    if progress is None:
        return None
    return {"done": progress.done, "total": progress.total, "message": progress.message}


def time_text(seconds: float | None) -> str | None:
    """A time as RFC 3339, in UTC with milliseconds."""
    if seconds is None:
        return None
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _encode(value: Any) -> bytes:
    try:
        return encode_json(value)
    except (ValueError, TypeError) as error:
        raise UnrepresentableResult(f"The result of this task is not JSON: {error}.") from error
