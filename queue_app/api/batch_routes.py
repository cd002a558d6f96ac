"""Many jobs in one request."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from queue_app.api import openapi, parameters, problems, schemas
from queue_app.api.body import bounded, check_media
from queue_app.api.context import Context
from queue_app.api.dependencies import ContextDep
from queue_app.api.problems import problem_members
from queue_app.api.responses import FaithfulJSONResponse
from queue_app.batches import (
    BREATH_BYTES,
    Enqueue,
    Outcome,
    enqueue_all,
    split_array,
    split_lines,
)
from queue_app.errors import (
    BrokerUnavailable,
    Closing,
    PayloadTooLarge,
    QueueAppError,
    TooManyItems,
    Unavailable,
)
from queue_app.payload import encode_json
from queue_app.producer import Payload

NDJSON = "application/x-ndjson"
_LINES = frozenset({NDJSON, "application/ndjson", "application/jsonl", "application/x-jsonlines"})

router = APIRouter()


@router.post(
    "/enqueue/batch",
    response_model=schemas.Batch,
    responses={
        200: openapi.BATCH_RESPONSE,
        **openapi.problem_responses(
            "/enqueue/batch",
            problems.MALFORMED_JSON,
            problems.PAYLOAD_TOO_LARGE,
            problems.TOO_MANY_ITEMS,
            problems.UNSUPPORTED_MEDIA_TYPE,
            problems.NOT_AN_ARRAY,
            problems.UNFAITHFUL_JSON,
            problems.INVALID_REQUEST,
            problems.INTERNAL_ERROR,
            problems.BROKER_UNAVAILABLE,
            problems.STORAGE_UNAVAILABLE,
            problems.CLOSING,
        ),
    },
    openapi_extra={
        **openapi.BATCH_BODY,
        "parameters": [parameters.IDEMPOTENCY_KEY, parameters.DELAY, parameters.AT],
    },
)
async def enqueue_batch(request: Request, context: ContextDep) -> Response:
    """Enqueue many jobs, each with its own outcome: a JSON array, or one object a line.

    Lines are answered with lines. With an Idempotency-Key each job has a key of its own, made of
    it and of the job's place. When the broker is out of reach from the first job on, the answer is
    a 503, as for a single job.
    """
    if context.lifecycle.is_closing:
        raise Closing
    settings = context.settings
    is_lines = check_media(request.scope, _LINES) in _LINES
    enqueue = _sender(request, context)
    chunks = bounded(request, settings.max_batch_bytes)
    if is_lines:
        items = split_lines(chunks, settings.max_batch_items, settings.max_payload_bytes)
    else:
        body = b"".join([chunk async for chunk in chunks])
        items = _each(await _split(body, settings.max_batch_items))
    outcomes = await enqueue_all(items, enqueue, settings.max_payload_bytes)
    accepted = sum(isinstance(outcome, str) for outcome in outcomes)
    for outcome in outcomes:
        if accepted == 0 and isinstance(outcome, BrokerUnavailable):
            raise outcome
    members = [_members(index, outcome) for index, outcome in enumerate(outcomes)]
    for status, count in Counter(one["status"] for one in members).items():
        context.metrics.jobs(status, count)
    if is_lines:
        return Response(b"".join(encode_json(one) + b"\n" for one in members), media_type=NDJSON)
    return FaithfulJSONResponse(
        {"accepted": accepted, "refused": len(outcomes) - accepted, "items": members}
    )


def _sender(request: Request, context: Context) -> Enqueue:
    due_at = parameters.due_at(request, context.services.now())
    key = parameters.idempotency_key(request)
    producer = context.services.producer
    if key is None:

        async def send(_index: int, payload: Payload) -> str:
            return await producer.enqueue(payload, due_at=due_at)

        return send
    schedule = request.url.query if due_at is not None else ""

    async def send_once(index: int, payload: Payload) -> str:
        done = await context.idempotent.enqueue(
            f"{key} {index}", payload, due_at=due_at, schedule=schedule
        )
        return done.task_id

    return send_once


async def _split(body: bytes, max_items: int) -> list[bytes]:
    if len(body) <= BREATH_BYTES:
        return split_array(body, max_items)
    # Megabytes take long: in a thread, so that other requests have their turn between two jobs.
    return await asyncio.to_thread(split_array, body, max_items)


async def _each(items: list[bytes]) -> AsyncIterator[bytes]:
    for item in items:
        yield item


def _members(index: int, outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, str):
        return {"index": index, "status": int(HTTPStatus.OK), "task_id": outcome}
    problem = problems.PROBLEM_OF_ERROR.get(type(outcome), problems.INTERNAL_ERROR)
    shown = problem_members(problem, str(outcome), "/enqueue/batch", **_extensions(outcome))
    return {"index": index, "status": int(problem.status), "problem": shown}


def _extensions(error: QueueAppError) -> dict[str, Any]:
    match error:
        case Unavailable():
            return {"component": error.component}
        case PayloadTooLarge() | TooManyItems():
            return {"limit": error.limit}
    return {}
