"""Everything that the product raises on purpose.

    QueueAppError
    ├── SettingsError              a setting is missing or malformed
    ├── PayloadError               the request's body is not a payload
    │   ├── UnsupportedMedia       its media type, charset or content coding is not ours
    │   ├── PayloadTooLarge        it is longer than the limit
    │   ├── MalformedJson          it is not JSON (RFC 8259)
    │   ├── NotAnObject            it is JSON, but not an object
    │   ├── UnfaithfulJson         it is JSON whose value would not arrive as it was sent
    │   ├── NotAnArray             it is JSON, but not an array of jobs
    │   └── TooManyItems           it has more jobs than a batch may
    ├── UnknownTask                no task can have this id
    ├── InvalidParameter           a parameter or header of the request is not acceptable
    ├── TaskNotFound               a task could have this id, but none has
    ├── DeadLetterNotFound         no dead letter has this sequence number
    ├── IdempotencyKeyReused       the key was used for another job
    ├── IdempotencyKeyInUse        another request with this key has not come to an end
    ├── NotCancellable             the task cannot be stopped any more
    │   ├── TaskRunning            it runs, and nobody can be asked to stop it
    │   └── TaskEnded              it has ended
    ├── TooManyStreams             as many clients wait for changes as may
    ├── Closing                    the service is about to stop
    ├── UnrepresentableResult      a task's result cannot be written as JSON
    ├── UnreadableRecord           what is stored of a task is none of a task's states
    ├── ClaimMissing               a worker does not find the payload of its task
    ├── NotAClaim                  a message names a blob that is no payload
    └── Unavailable                a component did not answer, or not in time
        ├── BrokerUnavailable
        └── StorageUnavailable

The text of each is meant for the person who caused it: one readable sentence, no secret.
`queue_app/api/problems.py` says what each of them becomes over HTTP.
"""

from typing import ClassVar, Literal

Component = Literal["broker", "storage"]


class QueueAppError(Exception):
    """The root: whatever the product raises on purpose."""


class SettingsError(QueueAppError):
    """Settings are missing or malformed: one line per variable, no values of secrets."""


class PayloadError(QueueAppError):
    """The body of a request is not a payload."""


class UnsupportedMedia(PayloadError):
    """The body is not declared as JSON in UTF-8 without a content coding."""


class PayloadTooLarge(PayloadError):
    """The body is longer than the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The body is larger than the limit of {limit} bytes.")
        self.limit = limit
        """The longest body that is accepted, in bytes."""


class MalformedJson(PayloadError):
    """The body is not JSON text in UTF-8 (RFC 8259)."""


class NotAnObject(PayloadError):
    """The body is JSON, but an array, a string, a number, true, false or null."""


class UnfaithfulJson(PayloadError):
    """The body is JSON whose value could not reach the worker as it was sent."""


class NotAnArray(PayloadError):
    """The body of a batch is JSON, but not an array."""


class TooManyItems(PayloadError):
    """A batch has more jobs than it may."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"A batch has at most {limit} jobs.")
        self.limit = limit
        """How many it may have."""


class UnknownTask(QueueAppError):
    """A text that cannot be the id of a task."""


class InvalidParameter(QueueAppError):
    """A parameter or a header of the request is not acceptable; the text names it."""


class TaskNotFound(QueueAppError):
    """No such task: nothing is stored of it, and its id was not issued here."""


class DeadLetterNotFound(QueueAppError):
    """No dead letter has this sequence number, or no longer."""

    def __init__(self, sequence_number: int | str) -> None:
        super().__init__(f"There is no dead letter {sequence_number!a}.")


class IdempotencyKeyReused(QueueAppError):
    """The idempotency key was used for another job."""

    def __init__(self) -> None:
        super().__init__("The Idempotency-Key was used for another body or another time.")


class IdempotencyKeyInUse(QueueAppError):
    """Another request with this idempotency key has not come to an end."""

    def __init__(self) -> None:
        super().__init__("Another request with this Idempotency-Key is on its way; try again.")


class NotCancellable(QueueAppError):
    """A task that cannot be stopped any more."""


class TaskRunning(NotCancellable):
    """The task runs, and its worker cannot be asked to stop it."""


class TaskEnded(NotCancellable):
    """The task has ended."""


class TooManyStreams(QueueAppError):
    """As many clients wait for changes as this process allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} clients wait for changes already; poll instead.")
        self.limit = limit
        """How many may."""


class Closing(QueueAppError):
    """The service is about to stop and takes no new jobs."""

    def __init__(self) -> None:
        super().__init__("This process is about to stop; another one takes the job.")


class UnrepresentableResult(QueueAppError):
    """The result of a task holds what JSON cannot say, such as NaN."""


class UnreadableRecord(QueueAppError):
    """What is stored of a task is none of a task's states; whoever finds it logs it."""

    def __init__(self) -> None:
        super().__init__("What is stored of the task cannot be read.")


class ClaimMissing(QueueAppError):
    """The payload of a task that has not ended is not in the storage."""


class NotAClaim(QueueAppError):
    """A message claims a blob that no payload can be in."""


class Unavailable(QueueAppError):
    """A component did not answer, or not in time; the same call may succeed later."""

    component: ClassVar[Component]

    def __init__(self, reason: str, *, retry_after_seconds: int = 5) -> None:
        super().__init__(reason)
        self.reason = reason
        """What went wrong, without secrets: it is shown to clients."""
        self.retry_after_seconds = retry_after_seconds
        """When to try again, in whole seconds from now."""


class BrokerUnavailable(Unavailable):
    """The message broker is out of reach, or refused the message."""

    component = "broker"


class StorageUnavailable(Unavailable):
    """The storage of results and claims is out of reach."""

    component = "storage"
