"""The endpoints."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from queue_app.api import openapi, parameters, problems, schemas
from queue_app.api.context import context_of
from queue_app.api.dependencies import ContextDep, read_payload
from queue_app.api.plain_route import PlainRoute
from queue_app.api.problems import PROBLEM_TYPES, problem_response
from queue_app.api.responses import EncodedResponse, FaithfulJSONResponse
from queue_app.errors import Closing
from queue_app.producer import Readiness

_READY_RETRY_SECONDS = 5

router = APIRouter(default_response_class=FaithfulJSONResponse)
busy = APIRouter(default_response_class=FaithfulJSONResponse, route_class=PlainRoute)


@router.get(
    "/",
    response_model=schemas.Greeting,
    responses={200: openapi.json_example({"message": "Hello World"})},
)
async def greet() -> Response:
    """Say hello."""
    return FaithfulJSONResponse({"message": "Hello World"})


@router.post("/enqueue", include_in_schema=False)
@busy.post(
    "/enqueue/",
    response_model=schemas.Enqueued,
    responses={
        200: openapi.ENQUEUED_RESPONSE,
        **openapi.problem_responses(
            "/enqueue/",
            problems.MALFORMED_JSON,
            problems.PAYLOAD_TOO_LARGE,
            problems.UNSUPPORTED_MEDIA_TYPE,
            problems.NOT_AN_OBJECT,
            problems.UNFAITHFUL_JSON,
            problems.INVALID_REQUEST,
            problems.IDEMPOTENCY_KEY_IN_USE,
            problems.IDEMPOTENCY_KEY_REUSED,
            problems.INTERNAL_ERROR,
            problems.BROKER_UNAVAILABLE,
            problems.STORAGE_UNAVAILABLE,
            problems.CLOSING,
        ),
    },
    openapi_extra={
        **openapi.PAYLOAD_BODY,
        "parameters": [parameters.IDEMPOTENCY_KEY, parameters.DELAY, parameters.AT],
    },
)
async def enqueue(request: Request) -> Response:
    """Enqueue a job. The answer comes after the broker has accepted it."""
    payload = await read_payload(request)
    context = context_of(request)
    due_at = None
    if request.scope["query_string"]:
        due_at = parameters.due_at(request, context.services.now())
    key = parameters.idempotency_key(request)
    headers = []
    if key is None:
        task_id = await context.services.producer.enqueue(payload, due_at=due_at)
    else:
        schedule = request.url.query if due_at is not None else ""
        done = await context.idempotent.enqueue(key, payload, due_at=due_at, schedule=schedule)
        task_id = done.task_id
        if done.is_replayed:
            headers.append((b"idempotency-replayed", b"true"))
    location = f"{request.scope.get('root_path', '')}/status/{task_id}"
    headers.append((b"location", location.encode("latin-1")))
    return EncodedResponse(b'{"task_id":"%b"}' % task_id.encode(), headers)  # a UUID


@router.get(
    "/healthz",
    response_model=schemas.Health,
    responses={200: openapi.json_example({"status": "ok"})},
)
async def check_health() -> Response:
    """Tell that the process lives, whatever broker and storage do."""
    return FaithfulJSONResponse({"status": "ok"})


@router.get(
    "/readyz",
    response_model=schemas.Ready,
    responses={
        200: openapi.json_example(
            {"status": "ready", "components": {"broker": "ok", "storage": "ok"}}
        ),
        **openapi.problem_responses("/readyz", problems.NOT_READY, problems.CLOSING),
    },
)
async def check_readiness(request: Request, context: ContextDep) -> Response:
    """Ask broker and storage whether they answer; a service that is about to stop is not ready."""
    if context.lifecycle.is_closing:
        raise Closing
    readiness = await context.services.producer.check()
    components = _components(readiness)
    if readiness.is_ready:
        return FaithfulJSONResponse({"status": "ready", "components": components})
    failing = {name: reason for name, reason in components.items() if reason != "ok"}
    return problem_response(
        request,
        problems.NOT_READY,
        "; ".join(f"{name}: {reason}" for name, reason in failing.items()),
        headers={"Retry-After": str(_READY_RETRY_SECONDS)},
        components=components,
    )


@router.get("/problems/{name}", response_model=schemas.ProblemDescription, include_in_schema=False)
async def describe_problem(name: str) -> Response:
    """Describe a problem type: the address that `type` gives."""
    problem = PROBLEM_TYPES.get(name)
    if problem is None:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return FaithfulJSONResponse(
        {
            "type": problem.uri,
            "title": problem.title,
            "status": int(problem.status),
            "description": problem.description,
        }
    )


def _components(readiness: Readiness) -> dict[str, str]:
    return {"broker": readiness.broker or "ok", "storage": readiness.storage or "ok"}
