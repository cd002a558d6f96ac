"""The extended view of a task, and cancelling it."""

from http import HTTPStatus

from fastapi import APIRouter, Request
from fastapi.responses import Response

from queue_app.api import openapi, parameters, problems, schemas
from queue_app.api.dependencies import ContextDep, ServicesDep, TaskIdDep
from queue_app.api.etags import tagged
from queue_app.api.views import task_body
from queue_app.errors import TaskEnded, TaskNotFound, TaskRunning
from queue_app.jobs import Cancelling, TaskRecord, TaskState
from queue_app.services import Services

router = APIRouter(tags=["tasks"])

_INSTANCE = f"/tasks/{schemas.EXAMPLE_TASK_ID}"


@router.get(
    "/tasks/{task_id}",
    response_model=schemas.Task,
    responses={
        200: openapi.TASK_RESPONSE,
        304: openapi.NOT_MODIFIED,
        **openapi.problem_responses(
            _INSTANCE,
            problems.UNKNOWN_TASK,
            problems.TASK_NOT_FOUND,
            problems.UNREPRESENTABLE_RESULT,
            problems.INTERNAL_ERROR,
            problems.STORAGE_UNAVAILABLE,
        ),
    },
    openapi_extra={"parameters": [openapi.TASK_ID, parameters.IF_NONE_MATCH]},
)
async def read_task(request: Request, task_id: TaskIdDep, services: ServicesDep) -> Response:
    """Tell all that is known of a task; 404 for an id that was never enqueued."""
    record = await find_record(services, task_id)
    return tagged(request.scope, _body(services, record))


@router.delete(
    "/tasks/{task_id}",
    response_model=schemas.Task,
    responses={
        200: openapi.TASK_RESPONSE,
        202: openapi.STOPPING_RESPONSE,
        **openapi.problem_responses(
            _INSTANCE,
            problems.UNKNOWN_TASK,
            problems.TASK_NOT_FOUND,
            problems.TASK_RUNNING,
            problems.TASK_ENDED,
            problems.INTERNAL_ERROR,
            problems.BROKER_UNAVAILABLE,
            problems.STORAGE_UNAVAILABLE,
        ),
    },
    openapi_extra={"parameters": [openapi.TASK_ID]},
)
async def cancel_task(task_id: TaskIdDep, context: ContextDep) -> Response:
    """Cancel a task: 200, it never runs; 202, it runs and was asked to stop."""
    services = context.services
    record = await find_record(services, task_id)
    outcome = await services.producer.cancel(task_id)
    context.metrics.cancelled(outcome)
    if outcome is Cancelling.RUNNING:
        raise TaskRunning("The task runs; it cannot be stopped from here.")
    if outcome is Cancelling.ENDED:
        ended = await find_record(services, task_id)
        raise TaskEnded(f"The task has ended with {ended.state.value}.")
    record = await find_record(services, task_id)
    is_over = outcome is Cancelling.CANCELLED
    return Response(
        _body(services, record),
        status_code=HTTPStatus.OK if is_over else HTTPStatus.ACCEPTED,
        media_type="application/json",
    )


async def find_record(services: Services, task_id: str) -> TaskRecord:
    """What is known of a task.

    Raises:
        TaskNotFound: nothing is.
        StorageUnavailable: the storage did not answer.
    """
    record = await services.producer.record(task_id)
    if record is not None:
        return record
    if services.producer.ids.issued_at(task_id) is None:
        raise TaskNotFound(f"There is no task {task_id[:80]!a}.")
    return TaskRecord(task_id, TaskState.QUEUED)


def _body(services: Services, record: TaskRecord) -> bytes:
    return task_body(record, services.producer.ids.issued_at(record.task_id))
