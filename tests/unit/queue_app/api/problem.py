"""What every problem must look like."""

from typing import Any

import httpx
from jsonschema import Draft202012Validator

from queue_app.api.schemas import Problem

_SCHEMA = Draft202012Validator(Problem.model_json_schema())


def assert_problem(response: httpx.Response, status: int, name: str) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    _SCHEMA.validate(problem)
    assert (response.status_code, problem["status"]) == (status, status)
    assert problem["type"] == f"/problems/{name}"
    assert problem["instance"] == response.request.url.raw_path.decode().split("?")[0]
    return problem
