"""The product's FastAPI app in front of one broker or none.

    python -m benchmarks.http_server ours|floor|arq|celery BROKER QUEUE [PARSER LOOP]

The same routes, parsing and answers for all; only the producer differs. One uvicorn worker, no
access log. The product's settings come from the environment, as they do in production.
"""

from __future__ import annotations

import asyncio
import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import uvicorn

from benchmarks.brokers import ARQ, FLOOR, Broker
from benchmarks.celery_setup import create_app as create_celery_app
from benchmarks.figures import OURS
from harness.processes import ManagedProcess
from queue_app.api.application import create_app
from queue_app.api.request_heads import guard_server
from queue_app.jobs import TASK_NAME, JobStatus, TaskRecord, TaskState, job_state
from queue_app.producer import InMemoryProducer, Payload, Readiness
from queue_app.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from queue_app.producer import Producer, Shown

_THREADS = 8


class FloorProducer(InMemoryProducer):
    """Accepts everything and keeps nothing; every job has succeeded."""

    async def enqueue(
        self, payload: Payload, *, task_id: str | None = None, due_at: float | None = None
    ) -> str:
        """Give a new id, as every producer does."""
        del payload, due_at
        return task_id or self.ids.new()

    async def record(self, task_id: str) -> TaskRecord:
        """Say that the job has ended."""
        return TaskRecord(task_id, TaskState.SUCCESS, {"processed": {}}, etag="0")


class PlainCeleryProducer(InMemoryProducer):
    """What most projects do: `send_task` in a pool of threads."""

    def __init__(self, broker: Broker, queue: str) -> None:
        super().__init__()
        self._app = create_celery_app(broker, queue)
        self._threads = ThreadPoolExecutor(_THREADS, "celery")

    async def enqueue(
        self, payload: Payload, *, task_id: str | None = None, due_at: float | None = None
    ) -> str:
        """Return when the broker has the message, where its client can tell."""
        del due_at
        task_id = task_id or self.ids.new()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._send, task_id, payload.data)
        return task_id

    async def shown(self, task_id: str, show: Callable[[JobStatus], Shown]) -> Shown:
        """Ask Celery's result backend."""
        loop = asyncio.get_running_loop()
        return show(await loop.run_in_executor(self._threads, self._read, task_id))

    def _send(self, task_id: str, data: dict[str, Any]) -> None:
        self._app.send_task(
            TASK_NAME,
            kwargs={"payload": data},
            task_id=task_id,
            retry=False,
            argsrepr="()",
            kwargsrepr="{}",
        )

    def _read(self, task_id: str) -> JobStatus:
        meta = self._app.backend.get_task_meta(task_id)
        return JobStatus(task_id, job_state(meta["status"]), meta["result"])


class ArqProducer(InMemoryProducer):
    """arq's own client: asynchronous, on Redis."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._port = port
        self._pool: Any = None
        self._opening = asyncio.Lock()

    async def enqueue(
        self, payload: Payload, *, task_id: str | None = None, due_at: float | None = None
    ) -> str:
        """Return when Redis has the job."""
        del due_at
        if self._pool is None:
            await self._open()
        task_id = task_id or self.ids.new()
        await self._pool.enqueue_job("process", payload.data, _job_id=task_id)
        return task_id

    async def check(self) -> Readiness:
        """Open the pool."""
        await self._open()
        return Readiness()

    async def _open(self) -> None:
        from arq import create_pool  # noqa: PLC0415 - only who measures arq has it
        from arq.connections import RedisSettings  # noqa: PLC0415

        async with self._opening:
            if self._pool is None:
                self._pool = await create_pool(RedisSettings("127.0.0.1", self._port))


def producer_of(name: str, broker: Broker | None, queue: str) -> Producer | None:
    """The producer of a contender; None for the product's own."""
    if name == OURS:
        return None
    if name == FLOOR:
        return FloorProducer()
    if broker is None:
        raise ValueError(f"{name} needs a broker")
    return ArqProducer(broker.port) if name == ARQ else PlainCeleryProducer(broker, queue)


def start(
    name: str,
    broker: Broker | None,
    queue: str,
    settings: Mapping[str, str],
    parser: str = "auto",
    loop: str = "auto",
) -> tuple[ManagedProcess, int]:
    """Start a server and wait until it listens; the process and its port.

    Args:
        name: Of the contender.
        broker: Its broker, where it needs one.
        queue: Where it enqueues.
        settings: The product's.
        parser: What uvicorn parses requests with.
        loop: uvicorn's event loop.
    """
    argument = broker.as_argument() if broker else ""
    program = [sys.executable, "-m", "benchmarks.http_server"]
    command = [*program, name, argument, queue, parser, loop]
    server = ManagedProcess(f"API ({name})", command, settings=settings)
    try:
        return server, int(server.wait_for_line(r"running on http://127\.0\.0\.1:(\d+)")[1])
    except BaseException:
        server.stop()
        raise


def main(name: str, broker: str, queue: str, parser: str = "auto", loop: str = "auto") -> None:
    """Serve until stopped."""
    producer = producer_of(name, Broker.from_argument(broker) if broker else None, queue)
    app = create_app(Settings.load(), producer)
    guard_server()
    gc.freeze()  # as `main.py` does
    uvicorn.run(app, port=0, access_log=False, http=parser, loop=loop)


if __name__ == "__main__":
    main(*sys.argv[1:])
