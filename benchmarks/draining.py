"""How fast a worker works off a backlog of tasks that do nothing, and what a task costs it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks import worker
from benchmarks.bench import in_turn
from benchmarks.brokers import RABBITMQ, REDIS, STOCK
from benchmarks.figures import OURS, Row
from benchmarks.processes import cpu_seconds
from benchmarks.servant import Servant
from harness.waiting import wait_until

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.brokers import Broker
    from benchmarks.observer import QueueObserver

POOLS = {
    "solo": "--pool=solo",
    "threads 8": "--pool=threads --concurrency=8",
    "prefork 2": "--pool=prefork --concurrency=2",
}
_TARGETS = {
    "solo": ("≥ 3,000/s", ""),
    "threads 8": ("≥ 2,300/s", "≤ Celery+Redis (1.03 ms)"),
    "prefork 2": ("≥ 2,300/s", "≤ Celery+Redis (1.54 ms)"),
}
_SETTLED = (OURS, STOCK)
"""Those whose broker can be asked whether a message is settled."""


def pools(bench: Bench) -> list[str]:
    """The pools to measure: all, or in a quick run the one that Celery takes by default."""
    return ["prefork 2"] if bench.quick else list(POOLS)


def measure(bench: Bench) -> list[Row]:
    """Drain with each pool and each contender, in turn."""
    contenders = bench.brokers.named(OURS, STOCK, REDIS, RABBITMQ)
    note = f"until settled at the broker for {OURS} and {STOCK}, until begun for the others"
    rates = {
        pool: Row(f"backlog of no-op tasks, {pool}", "tasks/s", STOCK, targets[0], note=note)
        for pool, targets in _TARGETS.items()
        if pool in pools(bench)
    }
    costs = {
        pool: Row(f"backlog of no-op tasks, {pool}: worker CPU a task", "ms", REDIS, targets[1])
        for pool, targets in _TARGETS.items()
        if pool in pools(bench)
    }
    rows = [row for pool in rates for row in (rates[pool], costs[pool])]
    bench.leave_out(rows, REDIS, RABBITMQ)
    for number in bench.rounds():
        for pool, rate_row in rates.items():
            for broker in in_turn(contenders, number):
                bench.say(f"  {pool}, {broker.name}")
                count = bench.choose(8000, 400)
                rate, cost = _drain(bench, broker, pool, count, bench.choose(8, 4))
                rate_row.add(broker.name, rate)
                costs[pool].add(broker.name, cost)
    return rows


def publish_backlog(broker: Broker, queue: QueueObserver, path: str, count: int) -> None:
    """Publish tasks that do nothing, for workers that do not run yet."""
    with Servant("benchmarks.publisher", broker.as_argument(), queue.name) as child:
        child.ask(do="publish", threads=10, count=count, path=path)


def _drain(
    bench: Bench, broker: Broker, pool: str, count: int, seconds: float
) -> tuple[float, float]:
    """Publish, start a worker, and look for some seconds; tasks a second, CPU ms a task."""
    queue, watch = bench.queue(), bench.stopwatch(count)
    publish_backlog(broker, queue, watch.path, count)
    is_settled_known = broker.name in _SETTLED
    with worker.start(broker, queue.name, POOLS[pool]) as process:
        wait_until(watch.done, "the first task", timeout=30, interval=0.005)
        cpu, first = cpu_seconds(process.pid), watch.done()
        begin = watch.times()[0]

        def is_over() -> bool:
            if time.monotonic() - begin > seconds:
                return True
            # The broker is asked at the end only: to answer costs the processors that are measured.
            is_begun = watch.done() >= count
            return is_begun and not (is_settled_known and queue.messages())

        wait_until(is_over, "the backlog's end", timeout=seconds + 5, interval=0.02)
        end = time.monotonic()
        done = count - queue.messages() if is_settled_known else watch.done()
        if not is_settled_known and done == count:
            end = watch.times()[-1]
        cost = (cpu_seconds(process.pid) - cpu) / max(done - first, 1) * 1000
        process.kill()  # how it stops is measured elsewhere
    return done / (end - begin), cost
