"""The producer that the API uses: Celery on Service Bus, results and claims on Blob Storage.

Messages are sent and results are read on the event loop. What else is asked of broker and storage
blocks, so it runs in two small pools of threads of their own: a broker that hangs takes neither the
event loop nor the storage's threads.
"""

import asyncio
import logging
import math
import time
from codecs import BOM_UTF8
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from azure.core.exceptions import AzureError
from kombu.exceptions import KombuError

from celery_azure import tracing
from celery_azure.administration import create_queue
from celery_azure.blobs import API_PATIENCE
from celery_azure.errors import BusyError, ServiceBusError
from celery_azure.lean import TaskWriter
from celery_azure.publisher import AsyncPublisher
from queue_app.celery_config import LOCK_SECONDS, create_celery_app
from queue_app.claim_check import MAX_INLINE_BYTES, ClaimStore
from queue_app.errors import (
    BrokerUnavailable,
    StorageUnavailable,
    Unavailable,
    UnreadableRecord,
)
from queue_app.jobs import TASK_NAME, Cancelling, JobStatus, TaskRecord, status_of
from queue_app.payload import encode_json
from queue_app.producer import Payload, Readiness, Shown
from queue_app.result_backend import task_record
from queue_app.settings import Settings
from queue_app.task_ids import TaskIds

if TYPE_CHECKING:
    from celery_azure.results import BlobBackend

ANSWER_SECONDS = 4.5
"""An answer comes within five seconds, whatever broker and storage do."""

_log = logging.getLogger(__name__)

_CHECK_SECONDS = 3.5
_BROKER_THREADS = 4
_STORAGE_THREADS = 8
_FAST_FAILURE = {"send_timeout": 4}
_FRESH_SECONDS = 0.003
"""So long a new job is PENDING without a look: no worker can be done, and would have to wait."""

_NO_STATE = (KombuError, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What reading a state raises when somebody else wrote the blob, or only a part of it."""

_Result = TypeVar("_Result")


class CeleryProducer:
    """Sends jobs through Celery; connects when it is first used."""

    def __init__(self, settings: Settings) -> None:
        self.ids = TaskIds(settings.realm, time.time)  # noqa: TID251 - given to who needs it
        self._settings = settings
        self._app = create_celery_app(
            settings, patience=API_PATIENCE, transport_options=_FAST_FAILURE
        )
        self._writer = TaskWriter(
            self._app,
            TASK_NAME,
            argsrepr="()",  # Celery would write the payload's beginning into the headers
            kwargsrepr="{}",
        )
        self._sends: AsyncPublisher | None = None
        self._fresh: dict[str, float] = {}  # new jobs, and until when nobody need look for them
        self._claims = ClaimStore(settings, API_PATIENCE)
        backend: BlobBackend = self._app.backend
        self._results = backend.reader(API_PATIENCE)
        self._broker_threads = ThreadPoolExecutor(_BROKER_THREADS, "broker")
        self._storage_threads = ThreadPoolExecutor(_STORAGE_THREADS, "storage")

    async def enqueue(
        self, payload: Payload, *, task_id: str | None = None, due_at: float | None = None
    ) -> str:
        """Send a job and return its id, after the broker has accepted the message."""
        is_new, task_id = task_id is None, task_id or self.ids.new()
        deadline = asyncio.get_running_loop().time() + ANSWER_SECONDS
        inline = _inline(payload)
        if inline is not None:
            keywords = b'{"payload":%b}' % inline
            await self._publish(deadline, task_id, keywords, due_at, is_first=is_new)
        else:
            claim = await self._with_storage(deadline, self._claims.deposit, task_id, payload.body)
            # A claim whose message may have arrived must stay, so no error removes it.
            keywords = encode_json({"claim": claim})
            await self._publish(deadline, task_id, keywords, due_at, is_first=is_new)
        if is_new:
            self._note_fresh(task_id)
        if _log.isEnabledFor(logging.INFO):
            _log.info("Enqueued.", extra={"task_id": task_id})
        return task_id

    async def shown(self, task_id: str, show: Callable[[JobStatus], Shown]) -> Shown:
        """Return what is made of the job's status; of one that is kept, it is made once.

        A job that was accepted here three milliseconds ago at most is PENDING, whatever is stored.
        """
        form: Shown | None = self._results.form(task_id)
        if form is not None:
            return form
        record = await self._record_to_tell(task_id)
        form = show(status_of(task_id, record))
        if record is not None:
            self._results.keep_form(task_id, str(record.etag), form, len(form))
        return form

    async def record(self, task_id: str) -> TaskRecord | None:
        """Return what is stored of a task; None when nothing is."""
        return await self._read_record(task_id, ANSWER_SECONDS)

    async def cancel(self, task_id: str) -> Cancelling:
        """Keep a task from starting; ask its worker to stop it when it runs."""
        self._fresh.pop(task_id, None)
        deadline = asyncio.get_running_loop().time() + ANSWER_SECONDS
        outcome = await self._with_storage(deadline, self._cancel, task_id)
        if outcome is Cancelling.RUNNING and self._app.conf.worker_enable_remote_control:
            await self._with_broker(deadline, self._revoke, task_id)
            return Cancelling.STOPPING
        return outcome

    async def check(self) -> Readiness:
        """Ask broker and storage whether they answer."""
        deadline = asyncio.get_running_loop().time() + _CHECK_SECONDS
        broker, storage = await asyncio.gather(
            _reason(self._open_link(deadline)),
            _reason(self._read_record("readiness", _CHECK_SECONDS)),
        )
        return Readiness(broker=broker, storage=storage)

    async def aclose(self) -> None:
        """Release threads and connections; may be called twice."""
        if self._sends is not None:
            await self._sends.aclose()
            self._sends = None
        self._broker_threads.shutdown(wait=False, cancel_futures=True)
        self._storage_threads.shutdown(wait=False, cancel_futures=True)
        self._results.close()
        self._app.backend.close()
        self._claims.close()
        await asyncio.to_thread(self._app.close)

    async def _record_to_tell(self, task_id: str) -> TaskRecord | None:
        """What is stored of a task; None when nothing is, or the job is too fresh to look."""
        if self._fresh.get(task_id, 0.0) > asyncio.get_running_loop().time():
            return None
        return await self.record(task_id)

    def _note_fresh(self, task_id: str) -> None:
        """Remember a new job for a moment, and forget those whose moment is over."""
        now = asyncio.get_running_loop().time()
        while self._fresh and next(iter(self._fresh.values())) <= now:
            del self._fresh[next(iter(self._fresh))]
        self._fresh[task_id] = now + _FRESH_SECONDS

    async def _publish(
        self,
        deadline: float,
        task_id: str,
        keywords: bytes,
        due_at: float | None,
        *,
        is_first: bool,
    ) -> None:
        write = partial(self._writer.write, task_id, keywords, due_at, is_first=is_first)
        if not tracing.is_installed():
            await self._send(deadline, write())
            return
        with tracing.publishing(self._writer.entity, task_id) as properties:
            await self._send(deadline, write(properties=properties))

    async def _send(self, deadline: float, message: bytes) -> None:
        seconds = deadline - asyncio.get_running_loop().time()
        try:
            await self._publisher().publish(self._writer.entity, message, max(0.0, seconds))
        except BusyError as error:
            raise BrokerUnavailable(
                "The broker is busy and asks to be left alone for a while.",
                retry_after_seconds=max(1, math.ceil(error.seconds)),
            ) from None
        except ServiceBusError:
            raise BrokerUnavailable("The broker did not accept the message.") from None

    async def _open_link(self, deadline: float) -> None:
        """Attach a link to the queue: that needs the network, the rights and the queue."""
        seconds = deadline - asyncio.get_running_loop().time()
        try:
            await self._publisher().check(self._writer.entity, max(0.0, seconds))
        except ServiceBusError:
            raise BrokerUnavailable("The broker does not open a link to the queue.") from None

    def _publisher(self) -> AsyncPublisher:
        if self._sends is None:
            endpoint = self._settings.service_bus_endpoint
            self._sends = AsyncPublisher(
                endpoint, lambda name: create_queue(endpoint, name, LOCK_SECONDS)
            )
        return self._sends

    async def _read_record(self, task_id: str, seconds: float) -> TaskRecord | None:
        try:
            stored = self._results.known(task_id)
            if stored is None:
                async with asyncio.timeout(seconds):
                    stored = await self._results.read(task_id)
            if stored is None:
                return None
            self._fresh.pop(task_id, None)  # what was told once is not taken back
            return task_record(task_id, stored.meta, stored.etag)
        except AzureError:
            raise StorageUnavailable("The storage does not answer.") from None
        except TimeoutError:
            raise StorageUnavailable("The storage did not answer in time.") from None
        except _NO_STATE as error:  # its text may quote what is stored
            _log.error("What is stored of task %s is no state: %s", task_id, type(error).__name__)
            raise UnreadableRecord from None

    def _cancel(self, task_id: str) -> Cancelling:
        try:
            outcome: Cancelling = self._app.backend.cancel(task_id)
        except AzureError:
            raise StorageUnavailable("The storage does not answer.") from None
        return outcome

    def _revoke(self, task_id: str) -> None:
        try:
            self._app.control.revoke(task_id, terminate=True)
        except (ServiceBusError, KombuError, OSError):
            raise BrokerUnavailable("The broker did not take the wish to stop.") from None

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


def _inline(payload: Payload) -> bytes | None:
    """The JSON that travels in the message; None when there is too much of it.

    That is what the client sent, which has been read and can be read again, as it is from a claim.
    Blanks in it shall not need a claim, nor is a byte order mark wanted in the middle.
    """
    if len(payload.body) <= MAX_INLINE_BYTES and not payload.body.startswith(BOM_UTF8):
        return payload.body
    encoded = encode_json(payload.data)
    return encoded if len(encoded) <= MAX_INLINE_BYTES else None


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
            return await loop.run_in_executor(threads, copy_context().run, call, *arguments)
    except TimeoutError:
        raise late from None


async def _reason(check: Any) -> str | None:
    try:
        await check
    except Unavailable as error:
        return error.reason
    return None
