"""The OpenAPI document: examples for every status, and one schema of problems for all of them."""

from itertools import groupby
from operator import attrgetter
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from queue_app.api import problems
from queue_app.api.problems import ProblemType, problem_members
from queue_app.api.responses import ProblemResponse
from queue_app.api.schemas import EXAMPLE_TASK_ID, Problem
from queue_app.jobs import TASK_ID_PATTERN, JobState, failure_result

_EXTENSIONS: dict[ProblemType, dict[str, Any]] = {
    problems.PAYLOAD_TOO_LARGE: {"limit": 262_144},
    problems.BROKER_UNAVAILABLE: {"component": "broker"},
    problems.STORAGE_UNAVAILABLE: {"component": "storage"},
    problems.NOT_READY: {"components": {"broker": "connection refused", "storage": "ok"}},
}

PAYLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Any JSON object. What cannot be kept faithfully is refused.",
        "content": {
            "application/json": {
                "schema": {"type": "object", "additionalProperties": True},
                "example": {"order": 42, "items": ["tea", "milk"]},
            }
        },
    }
}

TASK_ID_PARAMETER: dict[str, Any] = {
    "parameters": [
        {
            "name": "task_id",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": TASK_ID_PATTERN},
            "example": EXAMPLE_TASK_ID,
        }
    ]
}

ENQUEUED_RESPONSE: dict[str, Any] = {
    "content": {"application/json": {"example": {"task_id": EXAMPLE_TASK_ID}}},
    "headers": {
        "Location": {
            "description": "where the status of the job is",
            "schema": {"type": "string"},
            "example": f"/status/{EXAMPLE_TASK_ID}",
        }
    },
}


_RESULTS: dict[JobState, Any] = {
    JobState.PENDING: None,
    JobState.STARTED: None,
    JobState.SUCCESS: {"processed": {"order": 42}},
    JobState.FAILURE: failure_result("ValueError", "order 42 is unknown"),
}


def json_example(value: Any) -> dict[str, Any]:
    """Describe a JSON answer by one example."""
    return {"content": {"application/json": {"example": value}}}


def problem_responses(instance: str, *types: ProblemType) -> dict[int | str, dict[str, Any]]:
    """Describe the problems that an endpoint may answer with, an example for each."""
    by_status = attrgetter("status")
    return {
        int(status): _describe(list(group), instance)
        for status, group in groupby(sorted(types, key=by_status), key=by_status)
    }


def install(app: FastAPI) -> None:
    """Add to the generated document what no endpoint declares as its model."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _generate(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI documents this way to extend it


def _generate(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = schema.setdefault("components", {}).setdefault("schemas", {})
    schemas["Problem"] = Problem.model_json_schema()
    # FastAPI drops every null from what endpoints declare, also from examples.
    status = schema["paths"]["/status/{task_id}"]["get"]["responses"]["200"]
    status["content"]["application/json"]["examples"] = _status_examples()
    return schema


def _status_examples() -> dict[str, Any]:
    return {
        state.value: {
            "value": {"task_id": EXAMPLE_TASK_ID, "status": state.value, "result": result}
        }
        for state, result in _RESULTS.items()
    }


def _describe(types: list[ProblemType], instance: str) -> dict[str, Any]:
    media = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "examples": {t.name: {"summary": t.title, "value": _example(t, instance)} for t in types},
    }
    described: dict[str, Any] = {
        "description": " or ".join(t.title for t in types),
        "content": {ProblemResponse.media_type: media},
    }
    if types[0].status == problems.NOT_READY.status:
        seconds = {"description": "when to try again, in seconds", "schema": {"type": "integer"}}
        described["headers"] = {"Retry-After": seconds}
    return described


def _example(problem: ProblemType, instance: str) -> dict[str, Any]:
    extensions = _EXTENSIONS.get(problem, {})
    return problem_members(problem, problem.example, instance, **extensions)
