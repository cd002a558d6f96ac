"""An operation from its first request to its end: what to send next, and how long to wait before.

A conversation is a generator: it yields requests and pauses, is sent answers and errors, and
returns the operation's result. Who drives it has the sockets and the clock.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from azure.core.exceptions import AzureError
from celery.utils.log import get_logger

from celery_azure.storage.errors import error_code, outage, refusal
from celery_azure.storage.messages import Answer, Request
from celery_azure.storage.operations import Operation, create_container

if TYPE_CHECKING:
    from collections.abc import Generator

Result = TypeVar("Result")

logger = get_logger(__name__)

_chance = random.SystemRandom()  # the shared generator's sequence belongs to the program

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_TRANSIENT_CODES = frozenset({"ContainerBeingDeleted", "LeaseIdMissing"})
"""What stands in the way for a while: a container on its way out, and somebody else's lease."""

_MAX_RETRY_AFTER_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an operation may take before it fails.

    Attributes:
        connection_timeout: Seconds to connect.
        read_timeout: Seconds of silence in an answer.
        retries: How often to try again while the service is out of reach or busy.
        first_wait: Seconds before the first of these; each wait is twice the one before.
        longest_wait: Seconds, at most, unless the service asks for more (`Retry-After`).
    """

    connection_timeout: float = 5.0
    read_timeout: float = 60.0
    retries: int = 86_400
    first_wait: float = 0.1
    longest_wait: float = 1.0

    def wait_before(self, retry: int, chance: float) -> float:
        """Seconds before the `retry`-th retry (from 0); `chance` from 0 to 1 spreads clients."""
        full = min(self.first_wait * 2.0 ** min(retry, 30), self.longest_wait)
        return full * (0.5 + chance / 2)


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait before going on; `reason` is for the log."""

    seconds: float
    reason: str


Step: TypeAlias = Request | Pause
Reply: TypeAlias = "Answer | NoAnswerError | None"  # None follows a pause


class NoAnswerError(Exception):
    """The service gave no answer to a request.

    Attributes:
        cause: What the socket said.
        was_sent: Whether the request may have reached the service.
    """

    def __init__(self, cause: OSError, *, was_sent: bool) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.was_sent = was_sent


def converse(operation: Operation[Result], patience: Patience) -> Generator[Step, Reply, Result]:
    """Go through an operation, with as many retries as patience allows.

    Raises:
        AzureError: The service did not answer, or refuses.
        ChangedMeanwhileError: A condition does not hold. After a lost answer that can be because
            the first attempt has succeeded.
    """
    creates = operation.needs_container is not None
    retries = 0
    while True:
        reply = yield operation.request
        if isinstance(reply, Answer) and not is_transient(reply):
            if not (creates and error_code(reply) == "ContainerNotFound"):
                return operation.understand(reply)
            creates = False
            yield from _create(str(operation.needs_container))
            continue
        if retries >= patience.retries:
            raise _failure(reply)
        pause = patience.wait_before(retries, _chance.random())
        yield Pause(max(pause, _retry_after(reply)), str(_failure(reply)))
        retries += 1


def is_transient(answer: Answer) -> bool:
    """Whether the same request may succeed in a while."""
    return answer.status in _TRANSIENT or error_code(answer) in _TRANSIENT_CODES


def _create(container: str) -> Generator[Step, Reply, None]:
    """Create the container; an account that may not is told, and can use one that exists."""
    operation = create_container(container)
    reply = yield operation.request
    try:
        if not isinstance(reply, Answer):
            raise _failure(reply)
        operation.understand(reply)
    except AzureError as error:
        logger.warning("The container %r cannot be made: %s", container, error)


def _failure(reply: Reply) -> AzureError:
    if isinstance(reply, Answer):
        return refusal(reply)
    if reply is None:
        raise TypeError("a request was replied to as if it were a pause")
    return outage(reply.cause, was_sent=reply.was_sent)


def _retry_after(reply: Reply) -> float:
    """What the service asks for, in seconds (RFC 9110, section 10.2.3); 0 when it does not."""
    if not isinstance(reply, Answer):
        return 0.0
    text = reply.headers.get("retry-after", "")
    return float(min(int(text), _MAX_RETRY_AFTER_SECONDS)) if text.isdecimal() else 0.0
