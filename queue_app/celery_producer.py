"""The producer that the API uses: Celery on Service Bus, results and claims on Blob Storage.

Their clients block, so they run in two small pools of threads of their own: a broker that hangs
takes neither the event loop nor the storage's threads.
"""

import asyncio
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from azure.core.exceptions import AzureError
from kombu.exceptions import KombuError

from celery_azure.blobs import API_PATIENCE
from queue_app.celery_config import create_celery_app
from queue_app.claim_check import MAX_INLINE_BYTES, ClaimStore
from queue_app.errors import BrokerUnavailable, StorageUnavailable, Unavailable
from queue_app.jobs import TASK_NAME, JobState, JobStatus, failure_result, job_state
from queue_app.payload import encode_json
from queue_app.producer import Payload, Readiness
from queue_app.settings import Settings

ANSWER_SECONDS = 4.5
"""An answer comes within five seconds, whatever broker and storage do."""

_CHECK_SECONDS = 3.5
_BROKER_THREADS = 4
_STORAGE_THREADS = 8
_FAST_FAILURE = {"retry_total": 0, "retry_backoff_factor": 0.1, "send_timeout": 4}

_Result = TypeVar("_Result")


class CeleryProducer:
    """Sends jobs through Celery; connects when it is first used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._app = create_celery_app(
            settings, patience=API_PATIENCE, transport_options=_FAST_FAILURE
        )
        self._claims = ClaimStore(settings, API_PATIENCE)
        self._broker_threads = ThreadPoolExecutor(_BROKER_THREADS, "broker")
        self._storage_threads = ThreadPoolExecutor(_STORAGE_THREADS, "storage")

    async def enqueue(self, payload: Payload) -> str:
        """Send a job and return its id, after the broker has accepted the message."""
        task_id = str(uuid.uuid4())
        deadline = asyncio.get_running_loop().time() + ANSWER_SECONDS
        if len(encode_json(payload.data)) <= MAX_INLINE_BYTES:
            await self._with_broker(deadline, self._publish, task_id, {"payload": payload.data})
            return task_id
        claim = await self._with_storage(deadline, self._claims.deposit, task_id, payload.body)
        # A claim whose message may have arrived must stay, so it is removed in no case of error.
        await self._with_broker(deadline, self._publish, task_id, {"claim": claim})
        return task_id

    async def status(self, task_id: str) -> JobStatus:
        """Return the job's status; an id that was never seen is PENDING."""
        deadline = asyncio.get_running_loop().time() + ANSWER_SECONDS
        return await self._with_storage(deadline, self._read_status, task_id)

    async def check(self) -> Readiness:
        """Ask broker and storage whether they answer."""
        deadline = asyncio.get_running_loop().time() + _CHECK_SECONDS
        broker, storage = await asyncio.gather(
            _reason(self._with_broker(deadline, self._open_link)),
            _reason(self._with_storage(deadline, self._read_status, "readiness")),
        )
        return Readiness(broker=broker, storage=storage)

    async def aclose(self) -> None:
        """Release threads and connections; may be called twice."""
        self._broker_threads.shutdown(wait=False, cancel_futures=True)
        self._storage_threads.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._app.close)

    def _publish(self, task_id: str, arguments: dict[str, Any]) -> None:
        try:
            self._app.send_task(
                TASK_NAME,
                kwargs=arguments,
                task_id=task_id,
                retry=False,
                argsrepr="()",  # Celery would write the payload's beginning into the headers
                kwargsrepr="{}",
            )
        except (AzureError, KombuError, OSError):
            raise BrokerUnavailable("The broker did not accept the message.") from None

    def _open_link(self) -> None:
        """Attach a link to the queue: that needs the network, the rights and the queue."""
        try:
            with (
                self._settings.service_bus_endpoint.client(retry_total=0, keep_alive=0) as client,
                client.get_queue_sender(self._settings.service_bus_queue_name),
            ):
                pass
        except (AzureError, ValueError, OSError):
            raise BrokerUnavailable("The broker does not open a link to the queue.") from None

    def _read_status(self, task_id: str) -> JobStatus:
        try:
            meta = self._app.backend.read_meta(task_id)
        except AzureError:
            raise StorageUnavailable("The storage does not answer.") from None
        return JobStatus(task_id, JobState.PENDING) if meta is None else _status(task_id, meta)

    async def _with_broker(
        self, deadline: float, call: Callable[..., _Result], *arguments: Any
    ) -> _Result:
        late = BrokerUnavailable("The broker did not answer in time.")
        return await _in_time(self._broker_threads, deadline, late, call, *arguments)

    async def _with_storage(
        self, deadline: float, call: Callable[..., _Result], *arguments: Any
    ) -> _Result:
        late = StorageUnavailable("The storage did not answer in time.")
        return await _in_time(self._storage_threads, deadline, late, call, *arguments)


async def _in_time(
    threads: ThreadPoolExecutor,
    deadline: float,
    late: Unavailable,
    call: Callable[..., _Result],
    *arguments: Any,
) -> _Result:
    """Run a blocking call in a thread; give up at the deadline, and do not begin it later."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(deadline):
            return await loop.run_in_executor(threads, call, *arguments)
    except TimeoutError:
        raise late from None


async def _reason(check: Any) -> str | None:
    try:
        await check
    except Unavailable as error:
        return error.reason
    return None


def _status(task_id: str, meta: dict[str, Any]) -> JobStatus:
    """What clients see of what Celery has stored."""
    state = job_state(meta["status"])
    if state is JobState.SUCCESS:
        return JobStatus(task_id, state, meta["result"])
    if state is JobState.FAILURE:
        return JobStatus(task_id, state, _failure(meta["result"]))
    return JobStatus(task_id, state)


def _failure(stored: Any) -> dict[str, str]:
    """Celery stores an exception as its class and its arguments."""
    if not isinstance(stored, dict):
        return failure_result("Exception", str(stored))
    arguments = stored.get("exc_message")
    if isinstance(arguments, list):
        text = ", ".join(map(str, arguments))
    else:
        text = "" if arguments is None else str(arguments)
    return failure_result(str(stored.get("exc_type", "Exception")), text)
