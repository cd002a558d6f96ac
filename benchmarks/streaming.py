"""A thousand clients that watch tasks at one API process: how late they hear, what they cost."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from benchmarks import http_server
from benchmarks.bench import pause
from benchmarks.figures import OURS, Row, percentile
from benchmarks.processes import cpu_seconds, resident_megabytes
from benchmarks.servant import Servant
from queue_app.celery_config import create_celery_app
from queue_app.result_backend import PROGRESS
from queue_app.settings import Settings
from queue_app.task_ids import TaskIds

if TYPE_CHECKING:
    from celery import Celery

    from benchmarks.bench import Bench
    from harness.processes import ManagedProcess

CLIENTS = 1000
_TASKS = (1, 20, 1000)
_TARGET = {1: "≤ 100 ms", 20: "≤ 100 ms"}
_CHANGES = {1: 30, 20: 6, 1000: 1}
"""How often each task changes in a round."""


def measure(bench: Bench) -> list[Row]:
    """Open the clients, change what they watch, and let nothing happen for a while."""
    return [row for tasks in _TASKS for row in _measure(bench, tasks)]


def _measure(bench: Bench, tasks: int) -> list[Row]:
    clients = bench.choose(CLIENTS, max(100, tasks // 10))
    tasks = min(tasks, clients)
    what = f"{clients:,} clients of /events on {tasks:,} task{'s' * (tasks > 1)}"
    middle = Row(f"{what}: state written → event received (p50)", "ms", OURS)
    late = Row(f"{what}: state written → event received (p95)", "ms", OURS, _TARGET.get(tasks, ""))
    busy = Row(f"{what}: API CPU for one change of each task", "ms", OURS)
    idle = Row(f"{what}: API CPU while nothing changes", "% of a processor", OURS)
    memory = Row(f"{what}: API memory", "MB", OURS)
    queue = bench.queue().name
    with ExitStack() as cleanup:
        crowd = cleanup.enter_context(Servant("benchmarks.event_clients"))
        process, port = http_server.start(OURS, None, queue, bench.settings(queue))
        api = cleanup.enter_context(process)
        watched = _Watched(bench.settings(queue), tasks)
        watched.change("begin")
        before = resident_megabytes(api.pid)
        paths = [f"/status/{watched.ids[n % tasks]}/events" for n in range(clients)]
        crowd.ask(do="open", port=port, paths=paths)
        memory.add(OURS, resident_megabytes(api.pid))
        memory.note = f"{before:.0f} MB without clients"
        for number in bench.rounds():
            idle.add(OURS, _idle_percent(api, bench.choose(5, 1)))
            cpu = cpu_seconds(api.pid)
            delays: list[float] = []
            changes = bench.choose(_CHANGES.get(tasks, 1), 1)
            for change in range(changes):
                mark = f"change-{number}-{change}"
                crowd.ask(do="expect", mark=mark)
                pause(random.random() * 0.2)  # noqa: S311 - to hit the pollers at any time
                written = watched.change(mark)
                times = crowd.ask(do="arrivals")["times"]
                delays += [came - written[n % tasks] for n, came in enumerate(times)]
            busy.add(OURS, (cpu_seconds(api.pid) - cpu) * 1000 / changes)
            middle.add(OURS, percentile(delays, 50) * 1000)
            late.add(OURS, percentile(delays, 95) * 1000)
        crowd.ask(do="close")
    return [middle, late, busy, idle, memory]


def _idle_percent(api: ManagedProcess, seconds: float) -> float:
    cpu, begin = cpu_seconds(api.pid), time.monotonic()
    pause(seconds)
    return (cpu_seconds(api.pid) - cpu) / (time.monotonic() - begin) * 100


class _Watched:
    """Tasks whose progress is written as a worker writes it."""

    def __init__(self, settings: dict[str, str], count: int) -> None:
        values = {name.lower(): value for name, value in settings.items() if value}
        product = Settings.model_validate(values)
        self._app: Celery = create_celery_app(product)
        ids = TaskIds(product.realm, time.time)  # noqa: TID251 - given to who needs it
        self.ids = [ids.new() for _ in range(count)]

    def change(self, mark: str) -> list[float]:
        """Write progress of each task; when each write was answered, by the monotonic clock."""
        written = []
        for task_id in self.ids:
            progress = {"done": 1, "total": None, "message": mark}
            self._app.backend.store_result(task_id, progress, PROGRESS)
            written.append(time.monotonic())
        return written
