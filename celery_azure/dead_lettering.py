"""Tasks that failed for good, kept as dead letters with what went wrong.

    class Task(celery.Task):
        Request = "celery_azure.dead_lettering:DeadLetteringRequest"

        def dead_letter(self, error, retries):
            return "GaveUp", f"{type(error).__name__}: {error}"

The result is stored as that of any task that fails; the message is not acknowledged but moved to
the dead-letter queue, from where it can be sent again.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, cast

from billiard.einfo import ExceptionWithTraceback
from celery.exceptions import Ignore, Reject, Retry
from celery.utils.serialization import UnpickleableExceptionWrapper
from celery.worker.request import Request
from celery.worker.request import logger as request_logger

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_TEXT = 4096
"""The longest reason, and the longest description, that Service Bus keeps."""


class DeadLetteringTask(Protocol):
    """What a task has for `DeadLetteringRequest`."""

    def dead_letter(self, error: BaseException, retries: int) -> tuple[str, str] | None:
        """Reason and description, when the message of a failed run is to be a dead letter.

        Asked in the worker's main process.

        Args:
            error: What the run has raised.
            retries: How often the task was tried again before.
        """


class DeadLetteringRequest(Request):  # type: ignore[misc] # celery publishes no types
    """One delivery of a task."""

    _verdict: tuple[str, str] | None = None

    def on_failure(self, exc_info: Any, *arguments: Any, **options: Any) -> Any:
        """Handle the failure as Celery does; what it would acknowledge may be a dead letter."""
        error = original_error(exc_info.exception)
        if isinstance(error, Ignore | Reject | Retry):
            return super().on_failure(exc_info, *arguments, **options)
        task: DeadLetteringTask = self.task
        with self._to_be_rejected(task.dead_letter(error, self._context.retries or 0)):
            return super().on_failure(exc_info, *arguments, **options)

    def acknowledge(self) -> None:
        """Acknowledge, or dead-letter a run that has failed for good."""
        if self._verdict is None:
            super().acknowledge()
            return
        reason, description = (text[:_MAX_TEXT] for text in self._verdict)
        message = self.message
        message.channel.explain_rejection(message.delivery_tag, reason, description)
        self.reject(requeue=False)
        request_logger.warning("Task %s is given up, its message is a dead letter.", self.id)

    @contextmanager
    def _to_be_rejected(self, verdict: tuple[str, str] | None) -> Iterator[None]:
        self._verdict = verdict
        try:
            yield
        finally:
            self._verdict = None


def original_error(error: BaseException) -> BaseException:
    """The error that a task has raised, out of what a pool's process has wrapped it in.

    One that could not be pickled comes as an object of its class that was made without its
    `__init__`; when its class is not known here, as the wrapper.
    """
    raised = error.exc if isinstance(error, ExceptionWithTraceback) else error
    if isinstance(raised, UnpickleableExceptionWrapper):
        kind = getattr(sys.modules.get(raised.exc_module), raised.exc_cls_name, None)
        if isinstance(kind, type) and issubclass(kind, BaseException):
            made = kind.__new__(kind)
            made.args = tuple(raised.exc_args)
            return made
    return cast("BaseException", raised)
