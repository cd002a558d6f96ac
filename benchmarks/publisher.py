"""A publishing process: `python -m benchmarks.publisher BROKER QUEUE`, a servant."""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import TYPE_CHECKING

from benchmarks.brokers import Broker
from benchmarks.celery_setup import create_app
from benchmarks.processes import connections
from benchmarks.servant import serve

if TYPE_CHECKING:
    from celery import Celery

    from benchmarks.servant import Answer


def publish(
    app: Celery, port: int, *, threads: int, count: int, path: str = "", queue: str = ""
) -> Answer:
    """Publish messages from some threads, each of which waits for each of its own.

    Args:
        app: The app with the task.
        port: Of the broker.
        threads: How many call `delay()` at the same time.
        count: How many messages they send together.
        path: Where the task tells its start; tasks have the numbers from 0 on.
        queue: Another queue than the app's.

    Returns:
        `seconds` by the wall clock, `cpu` seconds, `connections` to the broker, `failed` calls.
    """
    task = app.tasks["benchmarks.noop"]
    share = [range(number, count, threads) for number in range(threads)]
    barrier = threading.Barrier(threads + 1)
    failed: list[str] = []

    def run(numbers: range) -> None:
        barrier.wait()
        for number in numbers:
            try:
                if queue:
                    task.apply_async((path, number), queue=queue)
                else:
                    task.delay(path, number)
            except Exception as error:  # noqa: BLE001 - counted, and the first is shown
                failed.append(repr(error))

    workers = [threading.Thread(target=run, args=(numbers,)) for numbers in share]
    for worker in workers:
        worker.start()
    cpu = time.process_time()
    barrier.wait()
    begin = time.perf_counter()
    for worker in workers:
        worker.join()
    seconds = time.perf_counter() - begin
    if failed:
        raise RuntimeError(f"{len(failed)} of {count} calls failed, the first with {failed[0]}")
    return {
        "seconds": seconds,
        "cpu": time.process_time() - cpu,
        "connections": connections(os.getpid(), port),
    }


def main(broker: str, queue: str) -> None:
    """Publish whenever asked to."""
    found = Broker.from_argument(broker)
    app = create_app(found, queue)
    serve({"publish": lambda **wanted: publish(app, found.port, **wanted)})


if __name__ == "__main__":
    main(*sys.argv[1:])
