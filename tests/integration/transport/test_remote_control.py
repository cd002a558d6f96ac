"""Celery's remote control and events, with a worker that runs."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from celery.exceptions import TaskRevokedError

from harness.environment import child_environment
from harness.waiting import wait_until
from tests.integration.canvas import Canvas, running_canvas, settings_on

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.stack import Stack

SECONDS = 60


@pytest.fixture(scope="module")
def canvas(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canvas]:
    """A project with a worker of two processes."""
    folder = tmp_path_factory.mktemp("remote")
    options = ("--pool=prefork", "--concurrency=2", "--hostname=celery@one")
    settings = settings_on(stack) | {"REMOTE_CONTROL": "true", "WORKER_METRICS_PORT": "0"}
    with running_canvas(settings, folder, *options) as canvas:
        yield canvas


def ask(canvas: Canvas) -> Any:
    """Inspect the one worker, which answers before the time is over."""
    return canvas.tasks.app.control.inspect(timeout=SECONDS, limit=1)


def messages_in(canvas: Canvas) -> int:
    with canvas.tasks.app.connection_for_read() as connection:
        queue = canvas.settings["SERVICE_BUS_QUEUE_NAME"]
        declared = connection.default_channel.queue_declare(queue, passive=True)
        return int(declared.message_count)


def start(canvas: Canvas, until: Path) -> Any:
    """A task that runs until a file is there."""
    result = canvas.tasks.talk.delay(1, str(until))
    wait_until(lambda: result.state == "STARTED", "the start of the task")
    return result


def test_a_worker_tells_what_it_does(canvas: Canvas, tmp_path: Path) -> None:
    result = start(canvas, tmp_path / "done")
    inspect = ask(canvas)

    assert inspect.ping() == {"celery@one": {"ok": "pong"}}
    (active,) = inspect.active()["celery@one"]
    assert active["id"] == result.id
    assert canvas.tasks.talk.name in inspect.registered()["celery@one"]
    assert inspect.stats()["celery@one"]["pool"]["max-concurrency"] == 2
    assert inspect._request("service_bus")["celery@one"]["lost locks"] == 0
    (queue,) = inspect.active_queues()["celery@one"]
    assert queue["name"] == canvas.settings["SERVICE_BUS_QUEUE_NAME"]

    (tmp_path / "done").touch()
    result.get(timeout=SECONDS, interval=0.05)


def test_a_worker_does_as_it_is_told(canvas: Canvas) -> None:
    control, name = canvas.tasks.app.control, canvas.tasks.add.name
    (answer,) = control.rate_limit(name, "100/s", reply=True, timeout=SECONDS, limit=1)
    assert answer == {"celery@one": {"ok": "new rate limit set successfully"}}


def test_a_worker_has_metrics(canvas: Canvas) -> None:
    canvas.tasks.add.delay(1, 2).get(timeout=SECONDS, interval=0.05)
    served = canvas.worker.wait_for_line(r"Metrics are served on (http://127\.0\.0\.1:\d+/metrics)")
    text = httpx.get(served.group(1), trust_env=False).text
    assert "queue_app_worker_duplicates_total 0.0" in text
    assert 'queue_app_worker_tasks_total{task="tests.integration.canvas_app.add"}' in text


def test_many_may_ask_at_the_same_time(canvas: Canvas) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda _: ask(canvas).ping(), range(8))
    assert list(answers) == [{"celery@one": {"ok": "pong"}}] * 8


def test_the_command_line_finds_the_worker(canvas: Canvas) -> None:
    command = "celery -A tests.integration.canvas_app inspect ping -t60 -dcelery@one"
    found = subprocess.run(  # noqa: S603 - Celery's own
        [sys.executable, "-m", *command.split()],
        env=child_environment(canvas.settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * SECONDS,
    )
    assert "pong" in found.stdout, found.stderr


def test_a_running_task_is_terminated_and_says_so(canvas: Canvas, tmp_path: Path) -> None:
    result = start(canvas, tmp_path / "never")

    result.revoke(terminate=True)

    with pytest.raises(TaskRevokedError):
        result.get(timeout=SECONDS, interval=0.05)
    assert canvas.tasks.add.delay(1, 2).get(timeout=SECONDS, interval=0.05) == 3
    told = f"talk[{result.id}] received"
    canvas.worker.wait_for_line(re.escape(told))
    assert canvas.worker.output.count(told) == 1
    wait_until(lambda: messages_in(canvas) == 0, "the settlement of the messages")


def test_a_task_that_was_revoked_before_it_came_never_runs(canvas: Canvas) -> None:
    task_id = str(uuid.uuid4())
    canvas.tasks.app.control.revoke(task_id, reply=True, timeout=SECONDS, limit=1)
    later = canvas.tasks.add.apply_async((1, 2), task_id=task_id)
    with pytest.raises(TaskRevokedError):
        later.get(timeout=SECONDS, interval=0.05)
    canvas.worker.wait_for_line(f"Discarding revoked task: .*{later.id}")


def test_events_tell_the_life_of_a_task(canvas: Canvas) -> None:
    app = canvas.tasks.app
    seen: list[dict[str, Any]] = []
    listening, enough = threading.Event(), threading.Event()

    def on_event(event: dict[str, Any]) -> None:
        seen.append(event)
        if event["type"] == "worker-heartbeat":
            listening.set()

    def listen() -> None:
        with app.connection_for_read() as connection:
            receiver = app.events.Receiver(connection, handlers={"*": on_event})
            while not enough.is_set():
                try:
                    receiver.capture(limit=None, timeout=0.5, wakeup=True)
                except TimeoutError:
                    continue

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        assert listening.wait(SECONDS)
        app.control.enable_events(reply=True, timeout=SECONDS, limit=1)
        result = canvas.tasks.add.delay(1, 2)
        wanted = {"task-received", "task-started", "task-succeeded"}

        def has_come() -> bool:
            return wanted <= {event["type"] for event in seen if event.get("uuid") == result.id}

        wait_until(has_come, "the events of the task")
    finally:
        enough.set()
        thread.join()
        app.control.disable_events(reply=True, timeout=SECONDS, limit=1)
