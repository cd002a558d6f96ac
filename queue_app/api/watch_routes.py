"""The status of a job: asked for, waited for, streamed; and the log of its task."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from queue_app.api import openapi, parameters, problems, schemas
from queue_app.api.context import Context, context_of
from queue_app.api.dependencies import ContextDep, TaskIdDep, read_task_id
from queue_app.api.etags import etag_of, is_known, tagged
from queue_app.api.event_stream import EventStream
from queue_app.api.head import IS_HEAD
from queue_app.api.lifecycle import Lifecycle
from queue_app.api.live_response import LiveResponse
from queue_app.api.plain_route import PlainRoute
from queue_app.api.task_feed import LOOK_SECONDS
from queue_app.api.task_routes import find_record
from queue_app.api.views import status_body
from queue_app.errors import Unavailable
from queue_app.jobs import JobState, JobStatus, status_of
from queue_app.services import Services
from queue_app.task_logs import MAX_PART_BYTES, TaskLogs

_INSTANCE = f"/status/{schemas.EXAMPLE_TASK_ID}"
_YOUNG_SECONDS = 60
_LOG_TYPE = "text/plain; charset=utf-8"

router = APIRouter(tags=["status"])
busy = APIRouter(tags=["status"], route_class=PlainRoute)


@busy.get(
    "/status/{task_id}",  # noqa: FAST003 - read by hand, this is one of the busiest endpoints
    response_model=schemas.TaskStatus,
    responses={
        200: openapi.STATUS_RESPONSE,
        304: openapi.NOT_MODIFIED,
        **openapi.problem_responses(
            _INSTANCE,
            problems.UNKNOWN_TASK,
            problems.INVALID_REQUEST,
            problems.UNREPRESENTABLE_RESULT,
            problems.INTERNAL_ERROR,
            problems.STORAGE_UNAVAILABLE,
            problems.TOO_MANY_STREAMS,
        ),
    },
    openapi_extra={
        "parameters": [openapi.TASK_ID, parameters.WAIT, parameters.IF_NONE_MATCH],
    },
)
async def read_status(request: Request) -> Response:
    """Tell the state of a job, and its result when it has ended; `wait` waits for that.

    An id that was never enqueued is PENDING: nothing is stored about a job before it starts.
    """
    task_id = await read_task_id(request)
    context = context_of(request)
    services = context.services
    wait = None
    if request.scope["query_string"]:
        wait = parameters.seconds(request, "wait", parameters.MAX_WAIT_SECONDS)
    if wait:
        shown = _show(await _wait(request, task_id, wait, context))
    else:
        shown = await services.producer.shown(task_id, _show)
    hint = [] if shown.is_end else [(b"retry-after", _ask_again_after(services, task_id))]
    return tagged(request.scope, shown.body, etag=shown.etag, extra=hint)


@router.get(
    "/status/{task_id}/events",
    response_class=StreamingResponse,
    responses={
        200: openapi.EVENTS_RESPONSE,
        **openapi.problem_responses(
            f"{_INSTANCE}/events",
            problems.UNKNOWN_TASK,
            problems.UNREPRESENTABLE_RESULT,
            problems.INTERNAL_ERROR,
            problems.STORAGE_UNAVAILABLE,
            problems.TOO_MANY_STREAMS,
        ),
    },
    openapi_extra={"parameters": [openapi.TASK_ID, parameters.LAST_EVENT_ID]},
)
async def stream_events(request: Request, task_id: TaskIdDep, context: ContextDep) -> Response:
    """Stream what happens to a job as server-sent events: status, progress, log, end."""
    record = await context.services.producer.record(task_id)
    if record is not None:
        status_body(record.status())  # what cannot be said is a problem, not a broken stream
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    if IS_HEAD in request.scope:
        return Response(media_type="text/event-stream", headers=headers)
    lifecycle = context.lifecycle
    lifecycle.admit_stream()
    log_start = parameters.last_event_id(request)

    async def body() -> AsyncIterator[bytes]:
        with lifecycle.stream(), context.feeds.follow(task_id, record, log_start) as feed:
            async for event in EventStream(feed, log_start).events():
                yield event

    return LiveResponse(request.scope, body(), "text/event-stream", headers)


@router.get(
    "/status/{task_id}/logs",
    response_class=StreamingResponse,
    responses={
        200: openapi.LOG_RESPONSE,
        206: openapi.LOG_PART_RESPONSE,
        **openapi.problem_responses(
            f"{_INSTANCE}/logs",
            problems.UNKNOWN_TASK,
            problems.TASK_NOT_FOUND,
            problems.RANGE_NOT_SATISFIABLE,
            problems.INVALID_REQUEST,
            problems.INTERNAL_ERROR,
            problems.STORAGE_UNAVAILABLE,
            problems.TOO_MANY_STREAMS,
        ),
    },
    openapi_extra={"parameters": [openapi.TASK_ID, parameters.FOLLOW, parameters.RANGE]},
)
async def read_log(request: Request, task_id: TaskIdDep, context: ContextDep) -> Response:
    """Give the log of a task: whole, a range of it, or followed until the task has ended."""
    follow = parameters.flag(request, "follow")
    wanted = parameters.byte_range(request)
    services, lifecycle = context.services, context.lifecycle
    await find_record(services, task_id)
    logs = TaskLogs(services.blobs)
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "no-store"}
    if wanted is not None and not follow:
        return await _log_part(request, logs, task_id, wanted, headers)
    if IS_HEAD in request.scope:
        return Response(media_type=_LOG_TYPE, headers=headers)
    await logs.read(task_id, 0, 1)  # a storage that is away is a problem, not a broken stream
    start = wanted[0] if wanted is not None else 0
    if follow:
        lifecycle.admit_stream()

    async def body() -> AsyncIterator[bytes]:
        with lifecycle.stream():
            async for data in _log_from(services, lifecycle, task_id, start, follow=follow):
                yield data

    return StreamingResponse(body(), media_type=_LOG_TYPE, headers=headers)


async def _log_part(
    request: Request,
    logs: TaskLogs,
    task_id: str,
    wanted: tuple[int, int | None],
    headers: dict[str, str],
) -> Response:
    first, last = wanted
    length = MAX_PART_BYTES if last is None else min(last - first + 1, MAX_PART_BYTES)
    part = await logs.read(task_id, first, length)
    if not part.data:
        return problems.problem_response(
            request,
            problems.RANGE_NOT_SATISFIABLE,
            f"The log has no byte {first} yet.",
            headers=headers,
        )
    headers |= {"Content-Range": f"bytes {part.start}-{part.next - 1}/*"}
    return Response(
        part.data, status_code=HTTPStatus.PARTIAL_CONTENT, media_type=_LOG_TYPE, headers=headers
    )


async def _log_from(
    services: Services, lifecycle: Lifecycle, task_id: str, start: int, *, follow: bool
) -> AsyncIterator[bytes]:
    logs = TaskLogs(services.blobs)
    has_ended = not follow
    while True:
        try:
            part = await logs.read(task_id, start)
            if part.data:
                start = part.next
                yield part.data
                continue
            if has_ended or lifecycle.is_closing:
                return
            record = await services.producer.record(task_id)
            # The end of the log is read once more after the end of the task.
            has_ended = record is not None and record.state.is_end
        except Unavailable:
            if not follow:
                raise  # the answer breaks off, so that nobody takes a part for the whole
        await asyncio.sleep(LOOK_SECONDS)


async def _wait(request: Request, task_id: str, wait: float, context: Context) -> JobStatus:
    """Wait for the end of a job, or, when the client has an answer, for another one."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    has_answer = "if-none-match" in request.headers
    lifecycle = context.lifecycle
    lifecycle.admit_stream()
    with lifecycle.stream():
        record = await context.services.producer.record(task_id)
        with context.watcher.watch(task_id, record) as watch:
            while True:
                record = watch.record
                status = status_of(task_id, record)
                left = deadline - loop.time()
                if (record is not None and record.state.is_end) or left <= 0:
                    return status
                if has_answer and not is_known(request.scope, etag_of(status_body(status))):
                    return status
                if lifecycle.is_closing:
                    return status
                await watch.change(min(left, LOOK_SECONDS))


@dataclass(frozen=True, slots=True)
class _Shown:
    """The answer of `/status`, encoded."""

    body: bytes
    etag: str
    is_end: bool

    def __len__(self) -> int:
        return len(self.body)


def _show(status: JobStatus) -> _Shown:
    body = status_body(status)
    is_end = status.state not in {JobState.PENDING, JobState.STARTED}
    return _Shown(body, etag_of(body), is_end)


def _ask_again_after(services: Services, task_id: str) -> bytes:
    """When to ask again, in seconds: a young job may end at any moment, an old one takes long."""
    issued_at = services.producer.ids.issued_at(task_id)
    if issued_at is None:
        return b"5"
    age = services.now() - issued_at
    return b"1" if age < _YOUNG_SECONDS else b"5"
