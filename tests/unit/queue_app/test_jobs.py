import uuid

import pytest
from celery import states

from queue_app.jobs import (
    JobState,
    TaskState,
    failure_result,
    is_task_id,
    job_state,
    task_state,
)


@pytest.mark.parametrize(
    ("celery_state", "seen"),
    [
        ("PENDING", JobState.PENDING),
        ("RECEIVED", JobState.PENDING),
        ("RETRY", JobState.PENDING),
        ("STARTED", JobState.STARTED),
        ("SUCCESS", JobState.SUCCESS),
        ("IGNORED", JobState.SUCCESS),
        ("FAILURE", JobState.FAILURE),
        ("REVOKED", JobState.FAILURE),
        ("REJECTED", JobState.FAILURE),
    ],
)
def test_clients_see_four_states(celery_state: str, seen: JobState) -> None:
    assert job_state(celery_state) is seen


def test_what_celery_calls_ready_has_ended_for_clients_too() -> None:
    ended = {JobState.SUCCESS, JobState.FAILURE}
    seen_as_ended = {state for state in states.ALL_STATES if job_state(state) in ended}
    assert seen_as_ended == states.READY_STATES


def test_a_state_that_a_task_made_up_means_that_it_runs() -> None:
    assert job_state("PROGRESS") is JobState.STARTED


def test_a_failure_tells_type_and_message_only() -> None:
    assert failure_result("KeyError", "'a'") == {"type": "KeyError", "message": "'a'"}


@pytest.mark.parametrize(
    "text", [str(uuid.UUID(int=1)), "a", "nightly-report", "a.b:c@d=e+f~g_h", "x" * 255]
)
def test_ids_that_tasks_can_have(text: str) -> None:
    assert is_task_id(text)


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a.", "-a", "a b", "a/b", "a\\b", "a\n", "a\0", "é", "x" * 256, "%41"]
)
def test_ids_that_no_task_can_have(text: str) -> None:
    assert not is_task_id(text)


def test_every_state_in_full_becomes_the_state_that_clients_see() -> None:
    seen = {state: job_state(state) for state in TaskState}
    assert seen[TaskState.QUEUED] is JobState.PENDING
    assert seen[TaskState.RETRY] is JobState.PENDING
    assert seen[TaskState.REVOKED] is JobState.FAILURE
    assert {state for state in TaskState if state.is_end} == {
        state for state, shown in seen.items() if shown in {JobState.SUCCESS, JobState.FAILURE}
    }


@pytest.mark.parametrize(
    "celery_state", [*sorted(states.ALL_STATES), "IGNORED", "REJECTED", "PROGRESS"]
)
def test_both_views_of_a_celery_state_agree(celery_state: str) -> None:
    assert job_state(task_state(celery_state)) is job_state(celery_state)
