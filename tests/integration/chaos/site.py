"""A broker with faults, publishers and a worker on it in this process, and a ledger of all tasks.

Publishers and workers sign in with rights to send and to listen, on connections of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Self

from kombu import Connection, Consumer, Producer, Queue

from celery_azure.connection import ServiceBusEndpoint
from celery_azure.envelope import encode
from celery_azure.publisher import AsyncPublisher
from harness.waiting import wait_until
from servicebus_emulator import AccessKey, Right, ThreadedEmulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from celery_azure.amqp.messages import Message

QUEUE = "jobs"
RIGHTS = Right.SEND | Right.LISTEN
PROMPT_SECONDS = 15.0
"""Within this a message is taken again after a fault, on a machine that is slow as well."""

WORKED_AT_ONCE = 4
LOCK_SECONDS = 60
_WAIT_SECONDS = 60.0


def keys() -> tuple[AccessKey, ...]:
    """The keys of those who publish and of those who work."""
    return tuple(AccessKey(name, f"key of {name}", RIGHTS) for name in ("publisher", "worker"))


@dataclass
class Ledger:
    """What was accepted, and what has become of it.

    Attributes:
        accepted: Tasks that the broker has taken, by their ids.
        refused: Those that were not, and why.
        first: How often each was run when it was delivered for the first time.
        again: How often each was run when the broker said that it had been delivered before.
    """

    accepted: list[str] = field(default_factory=list)
    refused: dict[str, Exception] = field(default_factory=dict)
    first: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)

    @property
    def lost(self) -> set[str]:
        """Accepted, and run by nobody."""
        return set(self.accepted) - set(self.first) - set(self.again)

    @property
    def repeated(self) -> int:
        """How often a task was run once more than was needed."""
        return sum((self.first + self.again).values()) - len(set(self.first) | set(self.again))

    def assert_each_ran_once(self) -> None:
        assert not self.lost
        assert self.repeated == 0, self

    def assert_repeats_were_announced(self) -> None:
        """Nothing is lost, and the broker says of each repeat that it is one."""
        assert not self.lost
        assert set(self.first) == set(self.accepted)
        assert set(self.first.values()) == {1}, self


class Publisher(Protocol):
    """Sends a task's message; returns when the broker has accepted it."""

    def publish(self, task_id: str, queue: str = QUEUE) -> None: ...

    def close(self) -> None: ...


class ThreadedPublisher:
    """Publishes with kombu, as Celery does; any thread may."""

    def __init__(self, endpoint: ServiceBusEndpoint, seconds: float) -> None:
        self._connection = Connection(
            endpoint.broker_url,
            transport="celery_azure.transport:Transport",
            transport_options={"send_timeout": seconds},
        )
        self._producer = Producer(self._connection.channel(), auto_declare=False)

    def publish(self, task_id: str, queue: str = QUEUE) -> None:
        headers = {"id": task_id, "task": "work"}
        self._producer.publish([[], {}, {}], routing_key=queue, headers=headers, serializer="json")

    def close(self) -> None:
        self._connection.close()


class LoopPublisher:
    """Publishes from an event loop, as the API does; the loop has a thread of its own."""

    def __init__(self, endpoint: ServiceBusEndpoint, seconds: float) -> None:
        self._seconds = seconds
        self._runner = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._runner.run_forever)
        self._thread.start()
        self._publisher = self._run(self._make(endpoint))

    def publish(self, task_id: str, queue: str = QUEUE) -> None:
        message = {
            "body": "[[], {}, {}]",
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "headers": {"id": task_id, "task": "work"},
            "properties": {},
        }
        encoded: Message = encode(message, "", queue, now=0.0)
        self._run(self._publisher.publish(queue, encoded.to_bytes(), self._seconds))

    def close(self) -> None:
        self._run(self._publisher.aclose())
        self._runner.call_soon_threadsafe(self._runner.stop)
        self._thread.join()
        self._runner.close()

    @staticmethod
    async def _make(endpoint: ServiceBusEndpoint) -> AsyncPublisher:
        return AsyncPublisher(endpoint)

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._runner).result(_WAIT_SECONDS)


class Worker:
    """Consumes in a thread, with late acknowledgements, and holds on to tasks when it is told to.

    Attributes:
        may_end: Tasks end when it is set, which it is at first.
        holding: How many have begun and not ended.
    """

    def __init__(self, endpoint: ServiceBusEndpoint, ledger: Ledger) -> None:
        self.may_end = threading.Event()
        self.may_end.set()
        self.held: list[Any] = []
        self._ledger = ledger
        self._url = endpoint.broker_url
        self._is_stopping = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        """Let what is held end, and stop."""
        self.may_end.set()
        self._is_stopping = True
        self._thread.join(_WAIT_SECONDS)
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            with (
                Connection(self._url, transport="celery_azure.transport:Transport") as connection,
                connection.channel() as channel,
            ):
                consumer = Consumer(
                    channel,
                    [Queue(QUEUE)],
                    callbacks=[self._begin],
                    accept=["json"],
                    prefetch_count=WORKED_AT_ONCE,
                )
                with consumer:
                    while not (self._is_stopping and not self.held):
                        with contextlib.suppress(TimeoutError):
                            connection.drain_events(timeout=0.01)
                        if self.may_end.is_set():
                            self._end()
        except BaseException as failure:  # noqa: BLE001 - raised again when it is closed
            self._failure = failure

    def _begin(self, _: Any, message: Any) -> None:
        self.held.append(message)

    def _end(self) -> None:
        while self.held:
            message = self.held.pop()
            info = message.delivery_info
            count = self._ledger.again if info.get("redelivered") else self._ledger.first
            count[message.headers["id"]] += 1
            message.ack()


class Site:
    """An emulator, and whoever uses it.

    Attributes:
        emulator: The broker; `control` lets faults happen.
        ledger: Of all publishers and workers.
    """

    def __init__(self, **options: Any) -> None:
        self._options: dict[str, Any] = {"queues": [QUEUE], "keys": keys(), **options}
        self.emulator = ThreadedEmulator(**self._options).start()
        self.host = "127.0.0.1"
        self.ledger = Ledger()
        self.stack = contextlib.ExitStack()
        self.port = self.emulator.port

    @property
    def control(self) -> Any:
        return self.emulator.control

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stack.close()
        self.emulator.stop()

    def endpoint(self, key: str) -> ServiceBusEndpoint:
        return ServiceBusEndpoint(self.host, self.port, key_name=key, key=f"key of {key}")

    def publisher(
        self, kind: type[Any] = ThreadedPublisher, seconds: float = PROMPT_SECONDS
    ) -> Publisher:
        publisher: Publisher = kind(self.endpoint("publisher"), seconds)
        self.stack.callback(publisher.close)
        return publisher

    def worker(self) -> Worker:
        worker = Worker(self.endpoint("worker"), self.ledger)
        self.stack.callback(worker.close)
        return worker

    def publish(self, publisher: Publisher, count: int = 1) -> list[str]:
        """Publish tasks one after another; the ids of those that were accepted."""
        accepted = []
        for _ in range(count):
            task_id = str(uuid.uuid4())
            try:
                publisher.publish(task_id)
            except Exception as error:  # noqa: BLE001 - the ledger has them
                self.ledger.refused[task_id] = error
            else:
                accepted.append(task_id)
                self.ledger.accepted.append(task_id)
        return accepted

    def publish_until_accepted(self, publisher: Publisher) -> None:
        """Publish as somebody does who tries again."""
        wait_until(lambda: self.publish(publisher), "a message that is accepted", _WAIT_SECONDS)

    def publish_at_once(self, publisher: Publisher, threads: int, count: int) -> None:
        """Publish from so many threads at a time, so many from each."""
        workers = [
            threading.Thread(target=self.publish, args=(publisher, count)) for _ in range(threads)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()

    def messages(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.control.messages(QUEUE)
        return found

    def wait_until_held(self, worker: Worker, count: int) -> None:
        wait_until(
            lambda: len(worker.held) == count,
            f"{count} tasks that have begun",
            _WAIT_SECONDS,
            0.005,
        )

    def wait_until_done(self) -> None:
        """Everything that was accepted has run, and the broker has nothing left."""

        def is_done() -> bool:
            return not self.ledger.lost and not self.messages()

        wait_until(is_done, "the end of all tasks", _WAIT_SECONDS, 0.005)
        assert self.control.messages(f"{QUEUE}/$deadletterqueue") == []

    def end_forgotten_locks(self) -> None:
        """What was under way to a worker when its connection broke is locked, and nobody has it."""

        def are_all_locked_by_nobody() -> bool:
            locks = [message["lock"] for message in self.messages()]
            return all(lock is not None and lock["holder"] is None for lock in locks)

        wait_until(
            are_all_locked_by_nobody, "the end of all that can be done", _WAIT_SECONDS, 0.005
        )
        self.control.advance(LOCK_SECONDS + 1)

    def stop(self) -> None:
        """The broker dies, with all it had."""
        self.emulator.stop()

    def start(self) -> None:
        """It comes back, on the same port."""
        options = self._options | {"port": self.port}
        self.emulator = ThreadedEmulator(**options).start()


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as a warning or worse."""
    records = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert {record.name.partition(".")[0] for record in records} <= {"celery_azure"}, records
    return [record.getMessage() for record in records]


@contextlib.contextmanager
def held(worker: Worker) -> Iterator[None]:
    """Tasks that begin meanwhile do not end before."""
    worker.may_end.clear()
    try:
        yield
    finally:
        worker.may_end.set()
