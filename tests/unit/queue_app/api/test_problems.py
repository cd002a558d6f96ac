from pathlib import Path

import pytest

from queue_app import errors
from queue_app.api.problems import PROBLEM_OF_ERROR, PROBLEM_TYPES, ProblemType


def _leaves(root: type[errors.QueueAppError]) -> set[type[errors.QueueAppError]]:
    children = root.__subclasses__()
    return {root} if not children else set().union(*map(_leaves, children))


def test_every_error_of_a_request_has_its_problem() -> None:
    of_no_request = {errors.SettingsError, errors.ClaimMissing, errors.NotAClaim}
    assert set(PROBLEM_OF_ERROR) == _leaves(errors.QueueAppError) - of_no_request


def test_every_problem_of_an_error_is_listed() -> None:
    assert set(PROBLEM_OF_ERROR.values()) <= set(PROBLEM_TYPES.values())


@pytest.mark.parametrize("problem", PROBLEM_TYPES.values(), ids=PROBLEM_TYPES)
def test_a_problem_type_is_complete(problem: ProblemType) -> None:
    assert problem.uri == f"/problems/{problem.name}"
    assert 400 <= problem.status < 600
    assert all((problem.title, problem.description, problem.example))


@pytest.mark.parametrize("problem", PROBLEM_TYPES.values(), ids=PROBLEM_TYPES)
def test_the_documentation_lists_the_problem_type(problem: ProblemType) -> None:
    page = (Path(__file__).parents[4] / "docs" / "http-api.md").read_text()
    assert f"| `{problem.name}` | {int(problem.status)} |" in page
