"""A worker of a contender: `python -m benchmarks.worker BROKER QUEUE [options]`.

With an empty BROKER it is the product's own, whose settings come from the environment.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from celery import signals

from benchmarks.brokers import Broker
from benchmarks.celery_setup import create_app
from benchmarks.figures import OURS
from harness.processes import ManagedProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from celery import Celery


def start(broker: Broker, queue: str, pool: str) -> ManagedProcess:
    """Start a worker and wait until it consumes."""
    return _start(broker.name, [broker.as_argument(), queue], pool, {})


def start_product(settings: Mapping[str, str], pool: str) -> ManagedProcess:
    """Start the product's worker, as quiet as the others, and wait until it consumes."""
    return _start(OURS, ["", ""], pool, settings)


def _start(
    name: str, arguments: list[str], pool: str, settings: Mapping[str, str]
) -> ManagedProcess:
    options = ["--without-gossip", "--without-mingle", "--without-heartbeat", *pool.split()]
    command = [sys.executable, "-m", "benchmarks.worker", *arguments, *options]
    worker = ManagedProcess(f"worker ({name})", command, settings=settings)
    try:
        worker.wait_for_line(r"\bready$")
    except BaseException:
        worker.stop()
        raise
    return worker


def main(broker: str, queue: str, *options: str) -> None:
    """Run the worker until it is stopped; without a broker it is the product's."""
    app = create_app(Broker.from_argument(broker), queue) if broker else _product()
    # At this level Celery does not say so itself, and at a lower one it writes lines for each task.
    signals.worker_ready.connect(lambda **_: print("ready", flush=True), weak=False)
    app.worker_main(["worker", "--loglevel=warning", *options])


def _product() -> Celery:
    from queue_app import celery_app  # noqa: PLC0415 - who measures others does without its parts

    return celery_app.app


if __name__ == "__main__":
    main(*sys.argv[1:])
