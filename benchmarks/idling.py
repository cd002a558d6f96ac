"""What an idle system does with one job: how late it begins, is settled, is seen to have ended."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import http_server, worker
from benchmarks.bench import pause
from benchmarks.brokers import RABBITMQ, REDIS, STOCK
from benchmarks.draining import POOLS, pools
from benchmarks.figures import OURS, Row, percentile
from harness.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.bench import Bench
    from benchmarks.brokers import Broker
    from benchmarks.observer import QueueObserver
    from benchmarks.stopwatch import Stopwatch

_WARM_UP = 3
_LONG_WARM_UP = 200
"""Jobs until what compiles while it runs, as Azurite does, has compiled what it runs."""
_BETWEEN_SECONDS = 0.02
_POLL_SECONDS = 0.0005
_PATIENCE = 30.0
_LEAST_COUNTED = 50
"""Below this a 95th percentile says little, and the row says how many samples it has."""


class ApiClient:
    """One kept connection to the API."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)

    def enqueue(self, **payload: object) -> str:
        """Enqueue a job; its id."""
        body = json.dumps(payload)
        self._connection.request("POST", "/enqueue/", body, {"Content-Type": "application/json"})
        return str(self._answer()["task_id"])

    def status(self, task_id: str) -> str:
        """The state of a job."""
        self._connection.request("GET", f"/status/{task_id}")
        return str(self._answer()["status"])

    def _answer(self) -> dict[str, object]:
        with self._connection.getresponse() as response:
            content = response.read()
        if response.status != http.client.OK:
            raise RuntimeError(f"the API answered {response.status}: {content[:200]!r}")
        answer: dict[str, object] = json.loads(content)
        return answer


def measure(bench: Bench) -> list[Row]:
    """Measure start and settlement with each pool and each contender."""
    contenders = bench.brokers.named(OURS, STOCK, REDIS, RABBITMQ)
    rows: list[Row] = []
    for pool in pools(bench):
        start = _pair(f"idle: POST → task body starts, {pool}", "≤ 5 ms", "≤ 15 ms")
        ack = _pair(f"task body starts → settled at the broker, {pool}", "", "≤ 10 ms")
        bench.leave_out(start, REDIS, RABBITMQ)
        bench.noise.sample()
        for broker in contenders:
            bench.say(f"  {pool}, {broker.name}")
            whole = 60 if broker.name != STOCK else 30
            begun, settled = _one_by_one(bench, broker, pool, bench.choose(whole, 8))
            _add(start, broker.name, begun)
            if settled:
                _add(ack, broker.name, settled)
        rows += [*start, *ack]
    return rows


def measure_success(bench: Bench) -> list[Row]:
    """Measure the whole way: POST, worker, result stored, SUCCESS seen by polling `/status`."""
    rows = _pair("idle: POST → SUCCESS seen by polling /status", "≤ 10 ms", "≤ 20 ms", REDIS)
    bench.leave_out(rows, REDIS)
    samples = bench.choose(150, 8)
    queue = bench.queue()
    settings = bench.settings(queue.name)
    clients: dict[str, ApiClient] = {}
    with ExitStack() as running:
        for broker in bench.brokers.named(OURS, REDIS):
            pool = POOLS["prefork 2"]
            running.enter_context(
                worker.start_product(settings, pool)
                if broker.name == OURS
                else worker.start(broker, queue.name, pool)
            )
            api, port = http_server.start(broker.name, broker, queue.name, settings)
            running.enter_context(api)
            clients[broker.name] = ApiClient(port)
        for name, seconds in _until_success(
            clients, samples, bench.choose(_LONG_WARM_UP, _WARM_UP)
        ).items():
            _add(rows, name, seconds)
    rows[0].note = "prefork 2; ours stores results in Azurite, Celery+Redis in Redis"
    return list(rows)


def _pair(title: str, median: str, late: str, reference: str = STOCK) -> tuple[Row, Row]:
    return (
        Row(f"{title} (p50)", "ms", reference, median),
        Row(f"{title} (p95)", "ms", reference, late),
    )


def _add(pair: tuple[Row, Row], contender: str, seconds: list[float]) -> None:
    """Take single samples: all of them for the median, one figure for the 95th percentile."""
    milliseconds = [value * 1000 for value in seconds]
    pair[0].samples[contender] = milliseconds
    pair[1].add(contender, percentile(milliseconds, 95))
    if len(seconds) < _LEAST_COUNTED and contender == OURS:
        pair[1].note = f"of {len(seconds)} samples only"


def _one_by_one(
    bench: Bench, broker: Broker, pool: str, samples: int
) -> tuple[list[float], list[float]]:
    """Seconds from POST to start, and from start to settled."""
    queue, watch = bench.queue(), bench.stopwatch(samples + _WARM_UP)
    settles = broker.name in (OURS, STOCK)
    begun: list[float] = []
    settled: list[float] = []
    process = worker.start(broker, queue.name, POOLS[pool])
    api, port = http_server.start(broker.name, broker, queue.name, bench.settings(queue.name))
    with process, api:
        client = ApiClient(port)
        for number in range(samples + _WARM_UP):
            posted = time.monotonic()
            client.enqueue(path=watch.path, number=number)
            start = wait_until(
                _has_begun(watch, number), "the task to begin", _PATIENCE, _POLL_SECONDS
            )
            if settles:
                settled.append(_settled_at(queue) - start)
            begun.append(start - posted)
            pause(_BETWEEN_SECONDS)
        process.kill()  # how it stops is measured elsewhere
    return begun[_WARM_UP:], settled[_WARM_UP:]


def _has_begun(watch: Stopwatch, number: int) -> Callable[[], float | None]:
    return lambda: watch.begun(number)


def _settled_at(queue: QueueObserver) -> float:
    wait_until(lambda: queue.messages() == 0, "the settlement", _PATIENCE, _POLL_SECONDS)
    return time.monotonic()


def _until_success(
    clients: Mapping[str, ApiClient], samples: int, warm_up: int
) -> dict[str, list[float]]:
    """Seconds from POST to SUCCESS, of one job at a time, by contenders in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in clients}
    for number in range(samples + warm_up):
        for name, client in clients.items():
            begin = time.monotonic()
            task_id = client.enqueue(number=number)
            wait_until(
                partial(_has_succeeded, client, task_id), "SUCCESS", _PATIENCE, _POLL_SECONDS
            )
            seconds[name].append(time.monotonic() - begin)
            pause(_BETWEEN_SECONDS)
    return {name: each[warm_up:] for name, each in seconds.items()}


def _has_succeeded(client: ApiClient, task_id: str) -> bool:
    return client.status(task_id) == "SUCCESS"
