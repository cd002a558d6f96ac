"""A worker of a contender: `python -m benchmarks.worker BROKER QUEUE [options]`."""

from __future__ import annotations

import sys

from celery import signals

from benchmarks.brokers import Broker
from benchmarks.celery_setup import create_app
from harness.processes import ManagedProcess


def start(broker: Broker, queue: str, pool: str) -> ManagedProcess:
    """Start a worker and wait until it consumes."""
    options = ["--without-gossip", "--without-mingle", "--without-heartbeat", *pool.split()]
    command = [sys.executable, "-m", "benchmarks.worker", broker.as_argument(), queue, *options]
    worker = ManagedProcess(f"worker ({broker.name})", command)
    try:
        worker.wait_for_line(r"\bready$")
    except BaseException:
        worker.stop()
        raise
    return worker


def main(broker: str, queue: str, *options: str) -> None:
    """Run the worker until it is stopped."""
    app = create_app(Broker.from_argument(broker), queue)
    # At this level Celery does not say so itself, and at a lower one it writes lines for each task.
    signals.worker_ready.connect(lambda **_: print("ready", flush=True), weak=False)
    app.worker_main(["worker", "--loglevel=warning", *options])


if __name__ == "__main__":
    main(*sys.argv[1:])
