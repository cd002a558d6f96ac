import pytest
from pydantic import ValidationError

from queue_app.api.schemas import EXAMPLE_TASK_ID, Problem, TaskStatus
from queue_app.jobs import JobState, is_task_id


def test_the_example_is_an_id_that_a_task_can_have() -> None:
    assert is_task_id(EXAMPLE_TASK_ID)


def test_a_status_has_exactly_three_members() -> None:
    members = {"task_id": EXAMPLE_TASK_ID, "status": "PENDING", "result": None}
    assert TaskStatus.model_validate(members).model_dump() == members
    for name in members:
        with pytest.raises(ValidationError):
            TaskStatus.model_validate({k: v for k, v in members.items() if k != name})
    with pytest.raises(ValidationError):
        TaskStatus.model_validate({**members, "traceback": None})


def test_a_status_is_one_of_the_four_states() -> None:
    schema = TaskStatus.model_json_schema()
    assert schema["$defs"]["JobState"]["enum"] == [state.value for state in JobState]


def test_a_problem_needs_the_five_members_of_the_standard() -> None:
    assert Problem.model_json_schema()["required"] == [
        "type",
        "title",
        "status",
        "detail",
        "instance",
    ]
