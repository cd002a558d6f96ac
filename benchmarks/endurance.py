"""What a worker's processes use after many tasks, beside what they used after a few."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks import worker
from benchmarks.draining import POOLS, pools, publish_backlog
from benchmarks.figures import OURS, Row
from benchmarks.processes import resident_each
from harness.waiting import wait_until

if TYPE_CHECKING:
    from benchmarks.bench import Bench
    from benchmarks.stopwatch import Stopwatch
    from harness.processes import ManagedProcess

_PATIENCE = 1800.0


def measure(bench: Bench) -> list[Row]:
    """Let a worker with each pool run tasks that do nothing, and look at its memory twice."""
    counts = [bench.choose(10_000, 200), bench.choose(100_000, 2_000)]
    few, many = (f"after {count:,} tasks" for count in counts)
    [ours] = bench.brokers.named(OURS)
    rows: list[Row] = []
    for pool in pools(bench):
        bench.say(f"  {pool}")
        bench.noise.sample()
        queue, watch = bench.queue(), bench.stopwatch(counts[-1])
        publish_backlog(ours, queue, watch.path, counts[-1])
        with worker.start(ours, queue.name, POOLS[pool]) as process:
            levels = {
                few: _after(counts[0], watch, process),
                many: _after(counts[1], watch, process),
            }
            process.kill()
        main = Row(f"memory of a worker's main process, {pool}", "MB", few, "flat")
        child = Row(f"memory of a child, {pool} (mean)", "MB", few, "flat")
        for name, (parent, *children) in levels.items():
            main.add(name, parent)
            if children:
                child.add(name, statistics.mean(children))
        rows += [main, child] if child.samples else [main]
    return rows


def _after(count: int, watch: Stopwatch, process: ManagedProcess) -> list[float]:
    """What the processes of a worker use when so many tasks have begun."""
    wait_until(lambda: watch.done() >= count, f"{count:,} tasks", _PATIENCE, 0.1)
    return resident_each(process.pid)
