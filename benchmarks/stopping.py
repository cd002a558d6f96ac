"""How long a worker that has nothing to do takes to end when it is told to, and to start before."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import worker
from benchmarks.bench import in_turn, pause
from benchmarks.brokers import RABBITMQ, REDIS, STOCK
from benchmarks.draining import POOLS
from benchmarks.figures import OURS, Row
from harness.live import start_worker
from harness.processes import ManagedProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench

_PRODUCT = "the product"
_SIGNALS = {"SIGTERM": ManagedProcess.terminate, "Ctrl-C": ManagedProcess.interrupt}
_GREEN = {"gevent 20": "--pool=gevent --concurrency=20"}
_PATIENCE = 40.0
_IDLE_SECONDS = 1.5
_SHIFT_SECONDS = 0.37
"""Each round waits so much longer: where in its own rhythm a worker is told must not decide."""


def measure(bench: Bench) -> list[Row]:
    """Start and end workers with each pool: ours and the whole product, by SIGTERM and by Ctrl-C.

    The product stores results and logs in Azurite and listens to remote control. Others, with the
    pools that they share with us and by SIGTERM only, since they take long.
    """
    rows: list[Row] = []
    for pool, options in (POOLS | _GREEN).items():
        begin = Row(f"worker: process starts → ready, {pool}", "s", STOCK)
        ends = {
            name: Row(f"idle worker: {name} → ended, {pool}", "s", STOCK, "≤ 1 s")
            for name in _SIGNALS
        }
        others = (STOCK, REDIS, RABBITMQ) if pool in POOLS else ()
        contenders = bench.brokers.named(OURS, *others)
        if others:
            bench.leave_out((begin, ends["SIGTERM"]), REDIS, RABBITMQ)
        for number in bench.rounds():
            idle = _IDLE_SECONDS + number * _SHIFT_SECONDS
            bench.say(f"  {pool}, round {number + 1}")
            for broker in in_turn(contenders, number):
                queue = bench.queue().name
                starting = partial(worker.start, broker, queue, options)
                _once(broker.name, begin, ends, starting, idle)
            settings = bench.settings(bench.queue().name) | {"REMOTE_CONTROL": "true"}
            product = partial(start_worker, settings, options=tuple(options.split()))
            _once(_PRODUCT, begin, ends, product, idle)
        rows += [begin, *ends.values()]
    return rows


def _once(
    contender: str,
    begin: Row,
    ends: dict[str, Row],
    starting: Callable[[], ManagedProcess],
    idle: float,
) -> None:
    """Start a worker, let it become idle, and end it, by each signal that is to be measured."""
    for name, row in ends.items():
        if name != "SIGTERM" and contender not in (OURS, _PRODUCT):
            continue
        at = time.monotonic()
        with starting() as process:
            begin.add(contender, time.monotonic() - at)
            pause(idle)
            at = time.monotonic()
            _SIGNALS[name](process)
            process.wait(_PATIENCE)
            row.add(contender, time.monotonic() - at)
