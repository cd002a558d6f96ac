from typing import Any

import pytest
from azure.core.exceptions import AzureError, ClientAuthenticationError
from celery import Celery
from celery.backends.base import DisabledBackend

from queue_app.errors import NotAClaim, StorageUnavailable
from queue_app.retries import RetryPolicy
from queue_app.tasks import register_tasks


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
    task = register_tasks(app, Claims(), work=done.append, retries=RetryPolicy(attempts=1))
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
