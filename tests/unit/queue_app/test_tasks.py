from typing import Any

import pytest
from azure.core.exceptions import AzureError, ClientAuthenticationError
from celery import Celery
from celery.backends.base import DisabledBackend

from queue_app.errors import NotAClaim, StorageUnavailable
from queue_app.retries import RetryPolicy
from queue_app.tasks import register_tasks

NOW = 1_800_000_000.0
STRAIGHT = 0.1


class Backend(DisabledBackend):  # type: ignore[misc] # celery publishes no types
    """Plays a storage that knows nothing, or refuses."""

    refusal: AzureError | None = None

    def read_meta(self, _task_id: str) -> None:
        if self.refusal is not None:
            raise self.refusal


class Claims:
    """Plays a store that is asked for what is no claim."""

    def redeem(self, claim: str) -> bytes | None:
        raise NotAClaim(claim)

    def discard(self, claim: str) -> None:
        raise NotAClaim(claim)


def task_with(done: list[Any], refusal: AzureError | None = None) -> Any:
    app = Celery("test", set_as_current=False)
    task = register_tasks(
        app,
        Claims(),
        work=done.append,
        retries=RetryPolicy(attempts=1),
        straight_seconds=STRAIGHT,
        now=lambda: NOW,
    )
    task.backend = Backend(app)
    task.backend.refusal = refusal
    return task


def test_a_storage_that_refuses_to_tell_of_a_task_is_worth_another_attempt() -> None:
    done: list[Any] = []
    task = task_with(done, ClientAuthenticationError("the key was replaced"))
    error = task.apply(kwargs={"payload": {"a": 1}}).result
    assert isinstance(error, StorageUnavailable)
    assert RetryPolicy().covers(error)
    assert task.dead_letter(error, retries=0) is not None
    assert done == []


def test_a_message_that_claims_what_is_no_payload_fails(caplog: pytest.LogCaptureFixture) -> None:
    done: list[Any] = []
    error = task_with(done).apply(kwargs={"claim": "celery-task-meta-1"}).result
    assert isinstance(error, NotAClaim)
    assert "is left behind" in caplog.text
    assert done == []


def delivered(task: Any, **delivery_info: Any) -> None:
    """Run the task as a worker would that was given this message."""
    properties = {"delivery_info": delivery_info}
    task.push_request(id="1", retries=0, called_directly=False, properties=properties)
    try:
        task.run(payload={"a": 1})
    finally:
        task.pop_request()


def test_a_job_that_came_straight_begins_without_a_question() -> None:
    done: list[Any] = []
    task = task_with(done, AzureError("not to be asked"))
    delivered(task, came_straight=True, enqueued_at=NOW - 0.01)
    delivered(task, came_straight=True, enqueued_at=NOW + 0.01)  # clocks differ a little
    assert done == [{"a": 1}] * 2


@pytest.mark.parametrize(("came_straight", "waited"), [(True, 0.11), (True, -0.11), (False, 0.01)])
def test_a_job_that_has_waited_or_may_have_run_before_is_asked_for(
    came_straight: bool, waited: float
) -> None:
    done: list[Any] = []
    task = task_with(done, AzureError("asked"))
    with pytest.raises(StorageUnavailable):
        delivered(task, came_straight=came_straight, enqueued_at=NOW - waited)
    assert done == []
