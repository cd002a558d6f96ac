"""The Celery task: retry and acknowledgement live here, the work does not."""

import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, Protocol

from celery import Celery, Task, states
from celery.exceptions import Ignore
from celery.utils.log import get_task_logger

from queue_app.errors import ClaimMissing, StorageUnavailable
from queue_app.jobs import TASK_NAME, Progress
from queue_app.payload import encode_json, parse_payload
from queue_app.processing import process
from queue_app.progress import Throttled, progress_to
from queue_app.result_backend import PROGRESS

logger = get_task_logger(__name__)


class Claims(Protocol):
    """Where the task finds payloads that travel by claim-check."""

    def redeem(self, claim: str) -> bytes | None:
        """Read a payload; None when it has been removed."""

    def discard(self, claim: str) -> None:
        """Remove a payload."""


def register_tasks(
    app: Celery,
    claims: Claims,
    *,
    delay_seconds: float = 0,
    work: Callable[[dict[str, Any]], Any] = process,
) -> Task:
    """Add the task to an app.

    Args:
        app: the app; its result backend tells whether a task has ended.
        claims: where claimed payloads are.
        delay_seconds: how long to sleep before the work, to have something to watch.
        work: what a job does.
    """

    class ProcessData(Task):  # type: ignore[misc] # celery publishes no types
        """Removes the claim once the task has ended and its result is stored."""

        resultrepr_maxsize = 1  # a result is the client's data: none of a log's business

        def after_return(
            self, status: str, _retval: object, _task_id: str, _args: object, kwargs: Any, _: object
        ) -> None:
            claim = kwargs.get("claim")
            if claim is None or status not in {states.SUCCESS, states.FAILURE}:
                return
            try:
                claims.discard(claim)
            except StorageUnavailable as error:
                logger.warning("The claim %s is left behind: %s", claim, error)

    def process_data(
        self: Task, payload: dict[str, Any] | None = None, claim: str | None = None
    ) -> Any:
        """Process one job; its payload comes in the message, or by claim."""
        _leave_if_nothing_is_to_do(self, claims, claim)
        if payload is None:
            payload = _redeem(self, claims, str(claim))
        self.request.payload_bytes = len(encode_json(payload))
        with progress_to(Throttled(partial(_store_progress, self), time.monotonic)):
            if delay_seconds:
                time.sleep(delay_seconds)  # noqa: TID251 - the sample work is to take time
            return work(payload)

    return app.task(name=TASK_NAME, bind=True, base=ProcessData)(process_data)


def _leave_if_nothing_is_to_do(task: Task, claims: Claims, claim: str | None) -> None:
    """End a run that must not be: the task was cancelled, or has succeeded before.

    A message comes again after its task has succeeded, when the worker died before it could
    acknowledge.
    """
    stored = task.backend.read_meta(task.request.id)
    if stored is None or stored["status"] not in {states.SUCCESS, states.REVOKED}:
        return
    logger.info("Not run: the task is in state %s already.", stored["status"])
    if claim is not None:
        claims.discard(claim)
    raise Ignore


def _redeem(task: Task, claims: Claims, claim: str) -> dict[str, Any]:
    """Read a claimed payload.

    A message can come again after its task has failed, when the worker died before it could
    acknowledge: then the claim is gone, the result is there, and nothing is left to do.
    """
    body = claims.redeem(claim)
    if body is not None:
        return parse_payload(body)
    stored = task.backend.read_meta(task.request.id)
    if stored is not None and stored["status"] in states.READY_STATES:
        logger.info("Delivered again after its end, nothing to do.")
        raise Ignore
    raise ClaimMissing(f"The payload {claim} is not in the storage.")


def _store_progress(task: Task, progress: Progress) -> None:
    """Store progress in the way of Celery's own states; it is worth no failure."""
    try:
        task.update_state(state=PROGRESS, meta=asdict(progress))
    except Exception as error:  # noqa: BLE001 - whatever the storage's client may raise
        logger.warning("The progress could not be stored: %s", type(error).__name__)
