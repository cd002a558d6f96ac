"""The Celery task: retry and acknowledgement live here, the work does not."""

import random
import time
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, NoReturn, Protocol

from azure.core.exceptions import AzureError
from celery import Celery, Task, states
from celery.exceptions import Ignore, Reject
from celery.signals import task_revoked
from celery.utils.log import get_task_logger

from celery_azure.dead_lettering import DeadLetteringRequest
from celery_azure.straight import came_straight
from queue_app.errors import ClaimMissing, NotAClaim, StorageUnavailable
from queue_app.jobs import TASK_NAME, Progress
from queue_app.payload import encode_json, parse_payload
from queue_app.processing import process
from queue_app.progress import Throttled, progress_to
from queue_app.result_backend import PROGRESS
from queue_app.retries import RetryPolicy, policy_of
from queue_app.task_metrics import MeasuredRequest, TaskMeter

logger = get_task_logger(__name__)

_chance = random.SystemRandom()  # the shared generator's sequence belongs to the work


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
    retries: RetryPolicy | None = None,
    meter: TaskMeter | None = None,
    straight_seconds: float = 0,
    now: Callable[[], float] = time.time,  # noqa: TID251 - who wants another hands it over
) -> Task:
    """Add the task to an app.

    Args:
        app: the app; its result backend tells whether a task has ended.
        claims: where claimed payloads are.
        delay_seconds: how long to sleep before the work, to have something to watch.
        work: what a job does; `retrying` may have given it a policy of its own.
        retries: how jobs are tried again, as far as `work` does not say.
        meter: counts and times what becomes of the task; None for nobody.
        straight_seconds: a job that came straight here in less is begun without asking whether it
            was cancelled; 0: each is asked for.
        now: the time, in seconds since 1970.
    """
    policy = policy_of(work, retries or RetryPolicy())

    def process_data(
        self: Task, payload: dict[str, Any] | None = None, claim: str | None = None
    ) -> Any:
        """Process one job; its payload comes in the message, or by claim."""
        try:
            if not came_straight(self.request, straight_seconds, now()):
                _leave_if_nothing_is_to_do(self, claims, claim)
            if payload is None:
                payload = _redeem(self, claims, str(claim))
            self.request.payload_bytes = len(encode_json(payload))
            with progress_to(Throttled(partial(_store_progress, self), time.monotonic)):
                if delay_seconds:
                    time.sleep(delay_seconds)  # noqa: TID251 - the sample work is to take time
                return work(payload)
        except Exception as error:
            if policy.covers(error) and policy.has_more(self.request.retries):
                _try_again(self, policy, error)
            raise

    task_revoked.connect(partial(_on_revoked, claims), weak=False)
    base = _task_class(claims, policy)
    if meter is not None:
        base = _metered(base, meter)
        meter.expect(TASK_NAME)
    # Not shared: each app has a task of its own, with its own stores behind it.
    return app.task(name=TASK_NAME, bind=True, base=base, shared=False)(process_data)


def _task_class(claims: Claims, policy: RetryPolicy) -> type[Task]:
    """What Celery asks the task beside its work."""

    class ProcessData(Task):  # type: ignore[misc] # celery publishes no types
        """Removes the claim once the task has ended and its result is stored."""

        Request = f"{DeadLetteringRequest.__module__}:{DeadLetteringRequest.__name__}"
        max_retries = None  # the policy counts
        resultrepr_maxsize = 1  # a result is the client's data: none of a log's business

        def dead_letter(self, error: BaseException, retries: int) -> tuple[str, str] | None:
            """Keep jobs whose errors might have passed, and what was the last one."""
            if policy.has_more(retries) or not policy.covers(error):
                return None
            return "GaveUp", f"{type(error).__name__}: {error} (attempt {retries + 1})"

        def after_return(
            self, status: str, retval: Any, _task_id: str, _args: object, kwargs: Any, _: object
        ) -> None:
            claim = kwargs.get("claim")
            if claim is None or status not in {states.SUCCESS, states.FAILURE}:
                return
            if status == states.FAILURE and self.dead_letter(retval, self.request.retries):
                return  # whoever sends the dead letter again sends the claim
            _discard(claims, claim)

    return ProcessData


def _metered(base: type[Task], wanted: TaskMeter) -> type[Task]:
    class Metered(base):  # type: ignore[misc] # celery publishes no types
        """A task whose deliveries are counted."""

        Request = f"{MeasuredRequest.__module__}:{MeasuredRequest.__name__}"
        meter = wanted

    return Metered


def _on_revoked(claims: Claims, sender: Task, request: Any, **_: Any) -> None:
    """Remove the claim of a task that was cancelled: its process is gone, or has never begun."""
    claim = (request.kwargs or {}).get("claim")
    if sender.name == TASK_NAME and claim is not None:
        _discard(claims, claim)


def _discard(claims: Claims, claim: str) -> None:
    try:
        claims.discard(claim)
    except (NotAClaim, StorageUnavailable) as error:
        logger.warning("The claim %.80s is left behind: %s", claim, error)


def _try_again(task: Task, policy: RetryPolicy, error: Exception) -> NoReturn:
    """Send the job to itself as a scheduled message; the broker keeps it until it is due."""
    retries = task.request.retries
    chance = _chance.random()
    pause = policy.pause(retries, error, chance)
    logger.info("Attempt %d failed, the next is in %.1f s.", retries + 1, pause)
    try:
        # Celery would write the payload's beginning into the headers.
        raise task.retry(exc=error, countdown=pause, argsrepr="()", kwargsrepr="{}")
    except Reject as refused:  # the message could not be sent: this one is delivered again
        raise Reject(refused.reason, requeue=True) from None


def _leave_if_nothing_is_to_do(task: Task, claims: Claims, claim: str | None) -> None:
    """End a run that must not be: the task was cancelled, or has succeeded before.

    A message comes again after its task has succeeded, when the worker died before it could
    acknowledge.
    """
    stored = _stored(task)
    if stored is None or stored["status"] not in {states.SUCCESS, states.REVOKED}:
        return
    logger.info("Not run: the task is in state %s already.", stored["status"])
    if claim is not None:
        claims.discard(claim)
    raise Ignore


def _stored(task: Task) -> dict[str, Any] | None:
    """What is stored of the task; a storage that does not tell is worth another attempt."""
    try:
        meta: dict[str, Any] | None = task.backend.read_meta(task.request.id)
    except AzureError as error:
        logger.warning("The storage does not tell of the task: %s", error)
        raise StorageUnavailable("The storage does not tell of the task.") from None
    return meta


def _redeem(task: Task, claims: Claims, claim: str) -> dict[str, Any]:
    """Read a claimed payload.

    A message can come again after its task has failed, when the worker died before it could
    acknowledge: then the claim is gone, the result is there, and nothing is left to do.
    """
    body = claims.redeem(claim)
    if body is not None:
        return parse_payload(body)
    stored = _stored(task)
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
