"""The producer that the API uses, without HTTP: `python -m benchmarks.product_publisher`.

A servant; the product's settings come from the environment.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

from benchmarks.processes import connections
from benchmarks.servant import serve
from queue_app.celery_producer import CeleryProducer
from queue_app.producer import Payload
from queue_app.settings import Settings

if TYPE_CHECKING:
    from benchmarks.servant import Answer


async def _publish(producer: CeleryProducer, callers: int, count: int) -> float:
    payload = Payload(b'{"number": 1}', {"number": 1})

    async def call(calls: int) -> None:
        for _ in range(calls):
            await producer.enqueue(payload)

    begin = time.perf_counter()
    await asyncio.gather(*(call(count // callers) for _ in range(callers)))
    return time.perf_counter() - begin


def main() -> None:
    """Publish whenever asked to."""
    settings = Settings.load()
    port = settings.service_bus_endpoint.port or 0
    with asyncio.Runner() as runner:
        producer = runner.run(_create(settings))

        def publish(*, callers: int, count: int) -> Answer:
            cpu = time.process_time()
            seconds = runner.run(_publish(producer, callers, count))
            return {
                "seconds": seconds,
                "cpu": time.process_time() - cpu,
                "connections": connections(os.getpid(), port),
            }

        serve({"publish": publish})


async def _create(settings: Settings) -> CeleryProducer:
    return CeleryProducer(settings)


if __name__ == "__main__":
    main()
