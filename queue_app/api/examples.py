"""Examples of answers that hold null, which FastAPI drops from what endpoints declare."""

from typing import Any

from queue_app.api.schemas import EXAMPLE_TASK_ID
from queue_app.jobs import CANCELLED_RESULT, TASK_NAME, JobState, TaskState, failure_result

_RESULTS: dict[JobState, Any] = {
    JobState.PENDING: None,
    JobState.STARTED: None,
    JobState.SUCCESS: {"processed": {"order": 42}},
    JobState.FAILURE: failure_result("ValueError", "order 42 is unknown"),
}

_QUEUED: dict[str, Any] = {
    "task_id": EXAMPLE_TASK_ID,
    "state": TaskState.QUEUED.value,
    "result": None,
    "progress": None,
    "enqueued_at": "2026-11-25T09:30:00.000Z",
    "started_at": None,
    "ended_at": None,
    "attempts": None,
    "worker": None,
    "queue": None,
    "payload_bytes": None,
    "result_bytes": None,
}
_STARTED = {
    **_QUEUED,
    "state": TaskState.STARTED.value,
    "progress": {"done": 3, "total": 10, "message": "resizing"},
    "started_at": "2026-11-25T09:30:01.250Z",
    "attempts": 1,
    "worker": "celery@worker-1",
    "queue": "jobs",
    "payload_bytes": 12,
}
_SUCCESS = {
    **_STARTED,
    "state": TaskState.SUCCESS.value,
    "result": {"processed": {"order": 42}},
    "progress": None,
    "ended_at": "2026-11-25T09:30:03.750Z",
    "result_bytes": 26,
}
_REVOKED = {
    **_QUEUED,
    "state": TaskState.REVOKED.value,
    "result": CANCELLED_RESULT,
    "ended_at": "2026-11-25T09:30:02.000Z",
}

_DEAD_LETTER: dict[str, Any] = {
    "sequence_number": 7,
    "id": "7",
    "task_id": EXAMPLE_TASK_ID,
    "task": TASK_NAME,
    "reason": "MaxDeliveryCountExceeded",
    "description": "Message could not be consumed after 10 delivery attempts.",
    "enqueued_at": "2026-11-25T09:30:00.000Z",
    "delivery_count": 10,
    "message_bytes": 153,
}

EXAMPLES: dict[tuple[str, str, str], dict[str, Any]] = {
    ("/status/{task_id}", "get", "200"): {
        state.value: {"task_id": EXAMPLE_TASK_ID, "status": state.value, "result": result}
        for state, result in _RESULTS.items()
    },
    ("/tasks/{task_id}", "get", "200"): {
        "QUEUED": _QUEUED,
        "STARTED": _STARTED,
        "SUCCESS": _SUCCESS,
    },
    ("/queue", "get", "200"): {
        "known": {"active": 3, "scheduled": 0, "dead_letter": 1},
        "not known": {"active": None, "scheduled": None, "dead_letter": None},
    },
    ("/dead-letters", "get", "200"): {
        "last page": {"items": [_DEAD_LETTER], "next": None},
        "more": {"items": [_DEAD_LETTER], "next": 7},
    },
    ("/dead-letters/{sequence_number}", "get", "200"): {
        "payload": {**_DEAD_LETTER, "payload": {"order": 42}, "claim": None},
        "claim": {
            **_DEAD_LETTER,
            "payload": None,
            "claim": f"claims/{EXAMPLE_TASK_ID}.json",
        },
    },
    ("/tasks/{task_id}", "delete", "200"): {"REVOKED": _REVOKED},
    ("/tasks/{task_id}", "delete", "202"): {"STARTED": _STARTED},
}
"""By path, method and status: each answer by a name."""
