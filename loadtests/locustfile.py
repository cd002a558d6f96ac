"""The users of the load tests; `nox -s load` runs them, and so does Locust itself.

    locust -f loadtests/locustfile.py --host http://127.0.0.1:8001 EnqueueUser

An API that has keys is sent that of QUEUE_KEY, as by the product's command line.
None of them waits between two requests: so many users, so many requests at the same time.
"""

from __future__ import annotations

import itertools
import json
import time
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent
from locust import FastHttpUser, constant, events, task

from loadtests.payloads import Payloads, body_of
from loadtests.series import Series
from queue_app.settings import ClientSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from locust.argument_parser import LocustArgumentParser
    from locust.env import Environment

_KEY = ClientSettings.load().key
HEADERS = {"Authorization": f"Bearer {_KEY}"} if _KEY else {}
JSON = {"Content-Type": "application/json", **HEADERS}
ENQUEUE = "POST /enqueue/"
FINISHED = "GET /status finished"
PENDING = "GET /status pending"
UNKNOWN = "GET /status unknown"
END_TO_END = "enqueue to SUCCESS"
_PREPARED = 40
_PATIENCE = 60.0
_POLL_SECONDS = 0.01
_ENDED = ("SUCCESS", "FAILURE")

_payloads = Payloads()
_series = Series()
_finished: Iterator[str] = itertools.repeat("")
_pending: Iterator[str] = itertools.repeat("")


class ApiUser(FastHttpUser):  # type: ignore[misc] # locust is not where types are checked
    """What all have in common."""

    abstract = True
    wait_time = constant(0)
    connection_timeout = network_timeout = _PATIENCE

    def enqueue(self, body: bytes) -> str | None:
        """Enqueue a job; its id, or None when that failed."""
        with self.client.post(
            "/enqueue/", data=body, headers=JSON, name=ENQUEUE, catch_response=True
        ) as response:
            if response.status_code != 200:  # noqa: PLR2004
                response.failure(f"answered {response.status_code}")
                return None
            return str(response.json()["task_id"])

    def status(self, task_id: str, name: str, expected: tuple[str, ...], query: str = "") -> str:
        """Ask for a status, which must be one of those expected."""
        with self.client.get(
            f"/status/{task_id}{query}", headers=HEADERS, name=name, catch_response=True
        ) as response:
            status = ""
            if response.status_code == 200:  # noqa: PLR2004
                status = str(response.json()["status"])
            if status not in expected:
                response.failure(f"answered {response.status_code} {status}")
            return status


class EnqueueUser(ApiUser):
    """Enqueues jobs of many sizes, as fast as they are accepted."""

    @task  # type: ignore[untyped-decorator]
    def enqueue_one(self) -> None:
        """Enqueue."""
        self.enqueue(_payloads.next())


class StatusUser(ApiUser):
    """Asks for the status of jobs that have ended, that wait, and of ids that nobody knows."""

    @task(3)  # type: ignore[untyped-decorator]
    def finished(self) -> None:
        """Ask for a job that has ended."""
        self.status(next(_finished), FINISHED, ("SUCCESS",))

    @task(1)  # type: ignore[untyped-decorator]
    def pending(self) -> None:
        """Ask for a job that is not due for an hour."""
        self.status(next(_pending), PENDING, ("PENDING", *_ENDED))

    @task(1)  # type: ignore[untyped-decorator]
    def unknown(self) -> None:
        """Ask for an id that was never given."""
        self.status(str(uuid.uuid4()), UNKNOWN, ("PENDING", *_ENDED))


class MixedUser(StatusUser):
    """Enqueues one job for four questions."""

    @task(1)  # type: ignore[untyped-decorator]
    def enqueue_one(self) -> None:
        """Enqueue."""
        self.enqueue(_payloads.next())


class EndToEndUser(ApiUser):
    """Enqueues a small job and waits for its SUCCESS: one figure for the whole way."""

    _body = body_of(200)

    @task  # type: ignore[untyped-decorator]
    def whole_way(self) -> None:
        """Enqueue, and ask until it has ended; the time of all that is a request of its own."""
        begin = time.perf_counter()
        task_id = self.enqueue(self._body)
        if task_id is None:
            return
        error: Exception | None = None
        while True:
            status = self.status(
                task_id, "GET /status?wait", ("PENDING", "STARTED", *_ENDED), "?wait=10"
            )
            if status in _ENDED or not status:
                break
            if time.perf_counter() - begin > _PATIENCE:
                status = ""
                break
            gevent.sleep(_POLL_SECONDS)
        if status != "SUCCESS":
            error = RuntimeError(f"ended as {status or 'nothing'}")
        self.environment.events.request.fire(
            request_type="JOB",
            name=END_TO_END,
            response_time=(time.perf_counter() - begin) * 1000,
            response_length=0,
            exception=error,
            context={},
        )


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _add_arguments(parser: LocustArgumentParser) -> None:
    parser.add_argument("--series", default="", help="where to write what happened each second")
    parser.add_argument("--step-seconds", type=int, default=5, help="length of a step of the shape")


@events.init.add_listener  # type: ignore[untyped-decorator]
def _prepare(environment: Environment, **_: Any) -> None:
    """Make the jobs that are asked for, before the time of the run begins to pass."""
    if any(issubclass(user, StatusUser) for user in environment.user_classes):
        _make_jobs(str(environment.host))


@events.test_start.add_listener  # type: ignore[untyped-decorator]
def _write_down(environment: Environment, **_: Any) -> None:
    """Write down what happens."""
    begin, cpu = time.perf_counter(), time.process_time()

    def note(
        request_type: str,
        name: str,
        response_time: float,
        exception: Exception | None = None,
        **_: Any,
    ) -> None:
        _series.add(
            int(time.perf_counter() - begin),
            name,
            response_time,
            users=environment.runner.user_count,
            failed=exception is not None,
            whole=request_type != "JOB",
        )

    def finish(**_: Any) -> None:
        path = environment.parsed_options.series
        if path:
            seconds = time.perf_counter() - begin
            content = {
                "seconds": [second.as_json() for second in _series.seconds(seconds)],
                "summary": _series.summary(seconds),
                "wall": seconds,
                "cpu": time.process_time() - cpu,
            }
            Path(path).write_text(json.dumps(content), encoding="utf-8")

    environment.events.request.add_listener(note)
    environment.events.test_stop.add_listener(finish)


def _make_jobs(host: str) -> None:
    global _finished, _pending
    body = body_of(200)
    finished = [_post(f"{host}/enqueue/", body) for _ in range(_PREPARED)]
    pending = [_post(f"{host}/enqueue/?delay=3600", body) for _ in range(_PREPARED)]
    deadline = time.perf_counter() + _PATIENCE
    for task_id in finished:
        while _get(f"{host}/status/{task_id}")["status"] not in _ENDED:
            if time.perf_counter() > deadline:
                raise TimeoutError("no worker has finished the jobs to ask for")
            gevent.sleep(_POLL_SECONDS)
    _finished, _pending = itertools.cycle(finished), itertools.cycle(pending)


def _post(url: str, body: bytes) -> str:
    request = urllib.request.Request(url, body, JSON)  # noqa: S310 - the user's own URL
    return str(_open(request)["task_id"])


def _get(url: str) -> dict[str, Any]:
    return _open(urllib.request.Request(url, headers=HEADERS))  # noqa: S310 - the user's own URL


def _open(request: urllib.request.Request) -> dict[str, Any]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_PATIENCE) as response:
        answer: dict[str, Any] = json.load(response)
        return answer
