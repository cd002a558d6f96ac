from typing import Any

import pytest

from queue_app.jobs import Progress, TaskRecord, TaskState
from queue_app.result_backend import task_record


def stored(status: str, result: Any = None, **facts: Any) -> dict[str, Any]:
    return {"status": status, "result": result, "traceback": None, "facts": facts}


def test_a_success_has_its_result_and_its_facts() -> None:
    facts: dict[str, Any] = {
        "worker": "celery@one",
        "queue": "jobs",
        "attempts": 2,
        "started_at": 10.5,
        "ended_at": 11.5,
        "payload_bytes": 7,
    }
    assert task_record("id", stored("SUCCESS", [1], **facts)) == TaskRecord(
        "id", TaskState.SUCCESS, [1], **facts
    )


def test_what_another_backend_has_stored_has_no_facts() -> None:
    assert task_record("id", {"status": "SUCCESS", "result": 1}) == TaskRecord(
        "id", TaskState.SUCCESS, 1
    )


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        ({"exc_type": "ValueError", "exc_message": ["no", 7]}, ("ValueError", "no, 7")),
        ({"exc_type": "ValueError", "exc_message": None}, ("ValueError", "")),
        ({"exc_type": "ValueError", "exc_message": "no"}, ("ValueError", "no")),
        ("odd", ("Exception", "odd")),
    ],
)
@pytest.mark.parametrize("status", ["FAILURE", "REVOKED"])
def test_a_failure_has_type_and_message(status: str, result: Any, shown: tuple[str, str]) -> None:
    record = task_record("id", stored(status, result))
    assert record.result == {"type": shown[0], "message": shown[1]}


@pytest.mark.parametrize("status", ["STARTED", "RETRY"])
def test_what_is_stored_of_a_run_is_not_its_result(status: str) -> None:
    record = task_record("id", stored(status, {"pid": 1, "hostname": "celery@one"}))
    assert (record.state, record.result) == (TaskState(status), None)


def test_progress_is_read_as_it_was_reported() -> None:
    record = task_record("id", stored("PROGRESS", {"done": 1, "total": 4, "message": "first"}))
    assert (record.state, record.progress) == (TaskState.STARTED, Progress(1, 4, "first"))


@pytest.mark.parametrize("result", [None, "x", {"done": "x"}, {"total": 4}])
def test_progress_in_another_shape_is_no_progress(result: Any) -> None:
    assert task_record("id", stored("PROGRESS", result)).progress is None
