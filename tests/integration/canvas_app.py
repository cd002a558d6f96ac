"""A Celery project of somebody else, with its settings: tasks that combine, fail, wait and log."""

import logging
from pathlib import Path
from typing import Any

from celery.exceptions import Reject

from celery_azure.locks import is_lost
from harness.waiting import wait_until
from queue_app.celery_app import create_worker_app
from queue_app.settings import Settings

logger = logging.getLogger("work")

app = create_worker_app(Settings.load())
app.conf.result_chord_retry_interval = 0.2

# A test run imports this several times, each with an app of its own: none shares its tasks.


@app.task(shared=False)  # type: ignore[untyped-decorator] # celery publishes no types
def add(one: int, other: int) -> int:
    """Add."""
    return one + other


@app.task(shared=False)  # type: ignore[untyped-decorator] # celery publishes no types
def total(numbers: list[int]) -> int:
    """Add all."""
    return sum(numbers)


@app.task(shared=False)  # type: ignore[untyped-decorator] # celery publishes no types
def fail(_: Any = None) -> None:
    """Raise."""
    raise ValueError("no luck")


@app.task(shared=False)  # type: ignore[untyped-decorator] # celery publishes no types
def talk(lines: int, until: str) -> None:
    """Log some lines, then one more when a file is there."""
    for number in range(lines):
        logger.info("line %d", number)
    wait_until(Path(until).exists, "the file", timeout=60)
    logger.warning("bye: é")


@app.task(shared=False, bind=True)  # type: ignore[untyped-decorator] # celery publishes no types
def hold(self: Any) -> str:
    """Work until the lock is lost; who is given the message then finds nothing to do."""
    if self.request.delivery_info["redelivered"]:
        return "done by the next"
    wait_until(is_lost, "the loss of the lock", timeout=60)
    logger.warning("The lock is lost.")
    raise Reject("somebody else has it", requeue=True)


@app.task(shared=False, bind=True, max_retries=5)  # type: ignore[untyped-decorator] # celery publishes no types
def stumble(self: Any, times: int) -> int:
    """Fail some times, then tell how often."""
    if self.request.retries < times:
        raise self.retry(countdown=0.1)
    return int(self.request.retries)
