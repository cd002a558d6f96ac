"""The OpenAPI document: examples for every status, and one schema of problems for all of them."""

from itertools import groupby
from operator import attrgetter
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from queue_app.api import problems
from queue_app.api.examples import EXAMPLES
from queue_app.api.problems import ProblemType, problem_members
from queue_app.api.responses import ProblemResponse
from queue_app.api.schemas import EXAMPLE_TASK_ID, Problem, Task
from queue_app.jobs import TASK_ID_PATTERN

_EXTENSIONS: dict[ProblemType, dict[str, Any]] = {
    problems.PAYLOAD_TOO_LARGE: {"limit": 262_144},
    problems.TOO_MANY_STREAMS: {"limit": 1000},
    problems.TOO_MANY_ITEMS: {"limit": 10_000},
    problems.BROKER_UNAVAILABLE: {"component": "broker"},
    problems.STORAGE_UNAVAILABLE: {"component": "storage"},
    problems.NOT_READY: {"components": {"broker": "connection refused", "storage": "ok"}},
}

_AT_THE_GATE = (problems.UNAUTHENTICATED, problems.FORBIDDEN, problems.TOO_MANY_REQUESTS)

OPEN_PATHS = frozenset({"/", "/healthz", "/readyz", "/docs", "/openapi.json", "/favicon.ico"})
"""Paths that need no key."""

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

_JOBS = [{"order": 42}, {"order": 43}]

BATCH_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "JSON objects, as an array or one on each line.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "array",
                    "items": {"description": "an object; what is none is refused alone"},
                },
                "example": _JOBS,
            },
            "application/x-ndjson": {
                "schema": {"type": "string"},
                "example": '{"order":42}\n{"order":43}\n',
            },
        },
    }
}

_BATCH_ITEMS: list[dict[str, Any]] = [
    {"index": 0, "status": 200, "task_id": EXAMPLE_TASK_ID},
    {
        "index": 1,
        "status": 422,
        "problem": problem_members(
            problems.NOT_AN_OBJECT, problems.NOT_AN_OBJECT.example, "/enqueue/batch"
        ),
    },
]

BATCH_RESPONSE: dict[str, Any] = {
    "description": "what became of each job, in their order",
    "content": {
        "application/json": {"example": {"accepted": 1, "refused": 1, "items": _BATCH_ITEMS}},
        "application/x-ndjson": {
            "schema": {"type": "string"},
            "example": f'{{"index":0,"status":200,"task_id":"{EXAMPLE_TASK_ID}"}}\n',
        },
    },
}

CHOSEN_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Which dead letters: some by their sequence numbers, or all.",
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "sequence_numbers": {
                            "type": "array",
                            "items": {
                                "anyOf": [
                                    {"type": "integer"},
                                    {"type": "string", "pattern": "^[0-9]{1,19}$"},
                                ]
                            },
                            "maxItems": 1000,
                        },
                        "all": {"type": "boolean", "const": True},
                    },
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": False,
                },
                "examples": {
                    "some": {"value": {"sequence_numbers": [7, 9]}},
                    "as text": {"value": {"sequence_numbers": ["36028797018963969"]}},
                    "all": {"value": {"all": True}},
                },
            }
        },
    }
}

DEAD_LETTERS_RESPONSE: dict[str, Any] = {"description": "a page of dead letters"}
DEAD_LETTER_RESPONSE: dict[str, Any] = {"description": "the dead letter"}
SETTLED_RESPONSE: dict[str, Any] = {
    "description": "what was done",
    "content": {"application/json": {"example": {"done": [7], "missing": [9], "complete": True}}},
}

METRICS_RESPONSE: dict[str, Any] = {
    "description": "metrics in the text format of Prometheus",
    "content": {
        "text/plain": {
            "schema": {"type": "string"},
            "example": 'queue_app_jobs_total{outcome="accepted"} 42.0\n',
        }
    },
}
QUEUE_RESPONSE: dict[str, Any] = {"description": "the counts of a few seconds ago at most"}

TASK_ID: dict[str, Any] = {
    "name": "task_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": TASK_ID_PATTERN},
    "example": EXAMPLE_TASK_ID,
}

ENQUEUED_RESPONSE: dict[str, Any] = {
    "content": {"application/json": {"example": {"task_id": EXAMPLE_TASK_ID}}},
    "headers": {
        "Location": {
            "description": "where the status of the job is",
            "schema": {"type": "string"},
            "example": f"/status/{EXAMPLE_TASK_ID}",
        },
        "Idempotency-Replayed": {
            "description": "`true` when an earlier request with this key had enqueued the job",
            "schema": {"type": "string", "enum": ["true"]},
        },
    },
}


_ETAG = {"description": "changes with the answer", "schema": {"type": "string"}}
_RETRY_AFTER = {"description": "when to ask again, in seconds", "schema": {"type": "integer"}}

NOT_MODIFIED: dict[str, Any] = {
    "description": "the answer is still the one that If-None-Match names",
    "headers": {"ETag": _ETAG},
}
STATUS_RESPONSE: dict[str, Any] = {"headers": {"ETag": _ETAG, "Retry-After": _RETRY_AFTER}}
TASK_RESPONSE: dict[str, Any] = {"headers": {"ETag": _ETAG}}
STOPPING_RESPONSE: dict[str, Any] = {
    "model": Task,
    "description": "the task runs; its worker was asked to stop it",
}
EVENTS_RESPONSE: dict[str, Any] = {
    "description": "events `status`, `progress`, `log`, and `end` as the last one",
    "content": {
        "text/event-stream": {
            "schema": {"type": "string"},
            "example": "event: status\n"
            f'data: {{"task_id":"{EXAMPLE_TASK_ID}","status":"STARTED","result":null}}\n\n'
            'event: progress\ndata: {"done":3,"total":10,"message":"resizing"}\n\n'
            'event: log\nid: 9\ndata: {"text":"resized\\n","next":9}\n\n',
        }
    },
}
LOG_RESPONSE: dict[str, Any] = {
    "description": "the log, in UTF-8",
    "content": {"text/plain": {"schema": {"type": "string"}, "example": "resized 3 of 10\n"}},
}
LOG_PART_RESPONSE: dict[str, Any] = {
    **LOG_RESPONSE,
    "description": "the bytes of the log that Range asks for",
    "headers": {
        "Content-Range": {
            "description": "which bytes these are; the length is not known",
            "schema": {"type": "string"},
            "example": "bytes 0-15/*",
        }
    },
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
    schema["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, operations in schema["paths"].items():
        if path not in OPEN_PATHS:
            for operation in operations.values():
                operation["security"] = [{"key": []}, {}]
                operation["responses"] |= {
                    str(status): described
                    for status, described in problem_responses(path, *_AT_THE_GATE).items()
                }
    for (path, method, status), examples in EXAMPLES.items():
        response = schema["paths"][path][method]["responses"][status]
        response["content"]["application/json"]["examples"] = {
            name: {"value": value} for name, value in examples.items()
        }
    return schema


def _describe(types: list[ProblemType], instance: str) -> dict[str, Any]:
    media = {
        "schema": {"$ref": "#/components/schemas/Problem"},
        "examples": {t.name: {"summary": t.title, "value": _example(t, instance)} for t in types},
    }
    described: dict[str, Any] = {
        "description": " or ".join(t.title for t in types),
        "content": {ProblemResponse.media_type: media},
    }
    if types[0].status in {problems.NOT_READY.status, problems.TOO_MANY_REQUESTS.status}:
        seconds = {"description": "when to try again, in seconds", "schema": {"type": "integer"}}
        described["headers"] = {"Retry-After": seconds}
    return described


def _example(problem: ProblemType, instance: str) -> dict[str, Any]:
    extensions = _EXTENSIONS.get(problem, {})
    return problem_members(problem, problem.example, instance, **extensions)
