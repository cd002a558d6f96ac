"""What endpoints ask for, as `…Dep` aliases."""

from typing import Annotated, cast

from fastapi import Depends, Request

from queue_app.api.body import read_body
from queue_app.api.lifecycle import Lifecycle
from queue_app.errors import Closing, UnknownTask
from queue_app.jobs import is_task_id
from queue_app.payload import parse_payload
from queue_app.producer import Payload, Producer
from queue_app.services import Services
from queue_app.settings import Settings
from queue_app.shared_logs import SharedLogs
from queue_app.watching import Watcher


async def _get_settings(request: Request) -> Settings:
    return cast("Settings", request.app.state.settings)


async def _get_services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


async def _get_producer(request: Request) -> Producer:
    return cast("Services", request.app.state.services).producer


async def _get_watcher(request: Request) -> Watcher:
    return cast("Watcher", request.app.state.watcher)


async def _get_shared_logs(request: Request) -> SharedLogs:
    return cast("SharedLogs", request.app.state.shared_logs)


async def _get_lifecycle(request: Request) -> Lifecycle:
    return cast("Lifecycle", request.app.state.lifecycle)


SettingsDep = Annotated[Settings, Depends(_get_settings)]
ServicesDep = Annotated[Services, Depends(_get_services)]
ProducerDep = Annotated[Producer, Depends(_get_producer)]
WatcherDep = Annotated[Watcher, Depends(_get_watcher)]
SharedLogsDep = Annotated[SharedLogs, Depends(_get_shared_logs)]
LifecycleDep = Annotated[Lifecycle, Depends(_get_lifecycle)]


async def _read_payload(
    request: Request, settings: SettingsDep, lifecycle: LifecycleDep
) -> Payload:
    if lifecycle.is_closing:
        raise Closing
    body = await read_body(request, settings.max_payload_bytes)
    return Payload(body=body, data=parse_payload(body))


async def _read_task_id(request: Request) -> str:
    # Not a declared parameter: FastAPI would then document a 422 that cannot happen.
    task_id = cast("str", request.path_params["task_id"])
    if not is_task_id(task_id):
        raise UnknownTask(f"{task_id[:80]!a} cannot be the id of a task.")
    return task_id


PayloadDep = Annotated[Payload, Depends(_read_payload)]
TaskIdDep = Annotated[str, Depends(_read_task_id)]
