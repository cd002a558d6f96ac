"""What endpoints ask for, as `…Dep` aliases.

The busiest endpoints read `context_of(request)` themselves: each dependency costs microseconds.
"""

from typing import Annotated, cast

from fastapi import Depends, Request

from queue_app.api.body import read_body
from queue_app.api.context import Context, context_of
from queue_app.errors import Closing, UnknownTask
from queue_app.jobs import is_task_id
from queue_app.payload import parse_payload
from queue_app.producer import Payload
from queue_app.services import Services


async def _get_context(request: Request) -> Context:
    return context_of(request)


async def _get_services(request: Request) -> Services:
    return context_of(request).services


async def read_payload(request: Request) -> Payload:
    """Read the job that a request enqueues.

    Raises:
        Closing: the service takes no new jobs.
        PayloadError: the body is none.
    """
    context = context_of(request)
    if context.lifecycle.is_closing:
        raise Closing
    body = await read_body(request, context.settings.max_payload_bytes)
    return Payload(body=body, data=parse_payload(body))


async def read_task_id(request: Request) -> str:
    """Read the id in the path.

    Raises:
        UnknownTask: no task can have it.
    """
    # Not a declared parameter: FastAPI would then document a 422 that cannot happen.
    task_id = cast("str", request.path_params["task_id"])
    if not is_task_id(task_id):
        raise UnknownTask(f"{task_id[:80]!a} cannot be the id of a task.")
    return task_id


ContextDep = Annotated[Context, Depends(_get_context)]
ServicesDep = Annotated[Services, Depends(_get_services)]
TaskIdDep = Annotated[str, Depends(read_task_id)]
