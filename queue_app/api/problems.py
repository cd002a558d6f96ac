"""What goes wrong, as clients see it: one table of problem types (RFC 9457).

`type` is `/problems/<name>`; the name is stable, and the address answers with its description.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import Request

from queue_app import errors
from queue_app.api.responses import ProblemResponse


@dataclass(frozen=True, slots=True)
class ProblemType:
    """A kind of problem: its stable name, HTTP status, title, and what to do about it."""

    name: str
    status: int
    title: str
    description: str
    example: str
    """A `detail` as it might read."""

    @property
    def uri(self) -> str:
        """The `type` member: a URI reference relative to this service.

        Without a name it is about:blank, which says no more than the status does (RFC 9457,
        section 4.2.1).
        """
        return f"/problems/{self.name}" if self.name else "about:blank"


MALFORMED_JSON = ProblemType(
    "malformed-json",
    HTTPStatus.BAD_REQUEST,
    "The body is not JSON",
    "The body is empty, not UTF-8, or not JSON as RFC 8259 defines it (NaN and Infinity are not).",
    "Line 1, column 8: not JSON (Expecting value).",
)
UNAUTHENTICATED = ProblemType(
    "unauthenticated",
    HTTPStatus.UNAUTHORIZED,
    "A key is needed",
    "Send a key that this service knows, as Authorization: Bearer <key> or X-API-Key: <key>.",
    "A key is needed: Authorization: Bearer <key>.",
)
FORBIDDEN = ProblemType(
    "forbidden",
    HTTPStatus.FORBIDDEN,
    "The key may not do this",
    "The scopes of a key (enqueue, read, admin) say what it may do.",
    "The key has not the scope 'admin'.",
)
TOO_MANY_REQUESTS = ProblemType(
    "too-many-requests",
    HTTPStatus.TOO_MANY_REQUESTS,
    "Too many requests",
    "This key, or this address where there are no keys, asks more often than it may. Try again "
    "after `Retry-After` seconds.",
    "mobile-app asks too often; try again in 1 s.",
)
NOT_FOUND = ProblemType(
    "not-found",
    HTTPStatus.NOT_FOUND,
    "Nothing is here",
    "No resource has this path. The OpenAPI document is at /openapi.json.",
    "Nothing is at /nowhere.",
)
UNKNOWN_TASK = ProblemType(
    "unknown-task",
    HTTPStatus.NOT_FOUND,
    "No task can have this id",
    "Ids are 1 to 255 ASCII letters, digits and _ . : @ = + ~ - (those made here are UUIDs).",
    "'a b' cannot be the id of a task.",
)
TASK_NOT_FOUND = ProblemType(
    "task-not-found",
    HTTPStatus.NOT_FOUND,
    "There is no such task",
    "Nothing is stored of the task, and its id was not issued by this service.",
    "There is no task 'nightly-report'.",
)
DEAD_LETTER_NOT_FOUND = ProblemType(
    "dead-letter-not-found",
    HTTPStatus.NOT_FOUND,
    "There is no such dead letter",
    "No dead letter has this sequence number; it may have been requeued or removed.",
    "There is no dead letter 7.",
)
TASK_RUNNING = ProblemType(
    "task-running",
    HTTPStatus.CONFLICT,
    "The task runs and cannot be stopped",
    "A worker has begun, and remote control of workers is off: it will finish.",
    "The task runs; it cannot be stopped from here.",
)
TASK_ENDED = ProblemType(
    "task-ended",
    HTTPStatus.CONFLICT,
    "The task has ended",
    "What has ended cannot be cancelled; its status tells the result.",
    "The task has ended with SUCCESS.",
)
IDEMPOTENCY_KEY_IN_USE = ProblemType(
    "idempotency-key-in-use",
    HTTPStatus.CONFLICT,
    "Another request with this key is on its way",
    "Try again after `Retry-After` seconds: the answer is then that of the other request.",
    "Another request with this Idempotency-Key is on its way; try again.",
)
METHOD_NOT_ALLOWED = ProblemType(
    "method-not-allowed",
    HTTPStatus.METHOD_NOT_ALLOWED,
    "The resource does not know this method",
    "The Allow header lists the methods that it knows.",
    "DELETE is not supported here; allowed: GET, HEAD.",
)
PAYLOAD_TOO_LARGE = ProblemType(
    "payload-too-large",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "The body is too large",
    "The body has more bytes than `limit` says. Nothing was enqueued.",
    "The body is larger than the limit of 262144 bytes.",
)
TOO_MANY_ITEMS = ProblemType(
    "too-many-items",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "The batch has too many jobs",
    "A batch has at most `limit` jobs. Of an array nothing was enqueued; of lines, those before.",
    "A batch has at most 10000 jobs.",
)
UNSUPPORTED_MEDIA_TYPE = ProblemType(
    "unsupported-media-type",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "The body is not declared as JSON",
    "Send Content-Type: application/json (or a type that ends in +json), in UTF-8, uncompressed.",
    "The Content-Type is 'text/plain'; send application/json.",
)
NOT_AN_OBJECT = ProblemType(
    "not-an-object",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The body is not a JSON object",
    "The body is JSON, but an array, string, number, boolean or null. Wrap it in an object.",
    "The body is an array; a JSON object is expected.",
)
NOT_AN_ARRAY = ProblemType(
    "not-an-array",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The body is not an array of jobs",
    "Send a JSON array of objects, or one object a line as application/x-ndjson.",
    "The body is not an array of jobs.",
)
UNFAITHFUL_JSON = ProblemType(
    "unfaithful-json",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The value would not arrive as it was sent",
    "Refused rather than changed: duplicate keys, lone surrogates, numbers beyond a 64-bit float, "
    "integers of more than 4300 digits, nesting deeper than 100 levels.",
    'At $["order"]: the key "id" stands twice.',
)
IDEMPOTENCY_KEY_REUSED = ProblemType(
    "idempotency-key-reused",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "The key was used for another job",
    "A key stands for one body and one time. Take a new key for a new job.",
    "The Idempotency-Key was used for another body or another time.",
)
RANGE_NOT_SATISFIABLE = ProblemType(
    "range-not-satisfiable",
    HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
    "The log has no such bytes",
    "The range begins behind the end of the log. It may grow; ask again later.",
    "The log has no byte 4096 yet.",
)
INVALID_REQUEST = ProblemType(
    "invalid-request",
    HTTPStatus.UNPROCESSABLE_ENTITY,
    "A parameter is not acceptable",
    "`detail` names the parameters and says what is wrong with each.",
    "query.limit: Input should be a valid integer.",
)
UNREPRESENTABLE_RESULT = ProblemType(
    "unrepresentable-result",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "The result cannot be written as JSON",
    "The task has ended, but what it returned holds NaN, infinity, a lone surrogate or the like.",
    "The result of this task is not JSON: Out of range float values are not JSON compliant.",
)
TOO_MANY_STREAMS = ProblemType(
    "too-many-streams",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "Too many clients wait for changes",
    "As many clients as this process allows (`limit`) hold `wait` or `events` open. Poll, or try "
    "again after `Retry-After` seconds.",
    "1000 clients wait for changes already; poll instead.",
)
CLOSING = ProblemType(
    "closing",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The service is about to stop",
    "Nothing was enqueued. Try again: another process, or the next one, answers.",
    "This process is about to stop; another one takes the job.",
)
INTERNAL_ERROR = ProblemType(
    "internal-error",
    HTTPStatus.INTERNAL_SERVER_ERROR,
    "The service has a bug",
    "The log of the service says what happened.",
    "The request could not be answered.",
)
BROKER_UNAVAILABLE = ProblemType(
    "broker-unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The message broker is out of reach",
    "The job was not confirmed by the broker. Try again after `Retry-After` seconds; if the "
    "connection was lost at the last moment, the first job may run too.",
    "connection refused",
)
STORAGE_UNAVAILABLE = ProblemType(
    "storage-unavailable",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The storage is out of reach",
    "Results, or payloads that need a claim, cannot be read or written now. Try again after "
    "`Retry-After` seconds.",
    "connection refused",
)
NOT_READY = ProblemType(
    "not-ready",
    HTTPStatus.SERVICE_UNAVAILABLE,
    "The service is not ready",
    "`components` says which of broker and storage does not answer, and why.",
    "broker: connection refused",
)

PROBLEM_TYPES = {
    problem.name: problem
    for problem in (
        MALFORMED_JSON,
        UNAUTHENTICATED,
        FORBIDDEN,
        TOO_MANY_REQUESTS,
        NOT_FOUND,
        UNKNOWN_TASK,
        TASK_NOT_FOUND,
        DEAD_LETTER_NOT_FOUND,
        TASK_RUNNING,
        TASK_ENDED,
        METHOD_NOT_ALLOWED,
        PAYLOAD_TOO_LARGE,
        UNSUPPORTED_MEDIA_TYPE,
        TOO_MANY_ITEMS,
        NOT_AN_OBJECT,
        NOT_AN_ARRAY,
        UNFAITHFUL_JSON,
        IDEMPOTENCY_KEY_IN_USE,
        IDEMPOTENCY_KEY_REUSED,
        RANGE_NOT_SATISFIABLE,
        INVALID_REQUEST,
        UNREPRESENTABLE_RESULT,
        INTERNAL_ERROR,
        BROKER_UNAVAILABLE,
        STORAGE_UNAVAILABLE,
        TOO_MANY_STREAMS,
        CLOSING,
        NOT_READY,
    )
}

PROBLEM_OF_ERROR: dict[type[errors.QueueAppError], ProblemType] = {
    errors.UnsupportedMedia: UNSUPPORTED_MEDIA_TYPE,
    errors.PayloadTooLarge: PAYLOAD_TOO_LARGE,
    errors.MalformedJson: MALFORMED_JSON,
    errors.NotAnObject: NOT_AN_OBJECT,
    errors.UnfaithfulJson: UNFAITHFUL_JSON,
    errors.InvalidParameter: INVALID_REQUEST,
    errors.NotAnArray: NOT_AN_ARRAY,
    errors.TooManyItems: TOO_MANY_ITEMS,
    errors.UnknownTask: UNKNOWN_TASK,
    errors.TaskNotFound: TASK_NOT_FOUND,
    errors.IdempotencyKeyReused: IDEMPOTENCY_KEY_REUSED,
    errors.IdempotencyKeyInUse: IDEMPOTENCY_KEY_IN_USE,
    errors.DeadLetterNotFound: DEAD_LETTER_NOT_FOUND,
    errors.TaskRunning: TASK_RUNNING,
    errors.TaskEnded: TASK_ENDED,
    errors.TooManyStreams: TOO_MANY_STREAMS,
    errors.Closing: CLOSING,
    errors.UnrepresentableResult: UNREPRESENTABLE_RESULT,
    errors.UnreadableRecord: INTERNAL_ERROR,
    errors.BrokerUnavailable: BROKER_UNAVAILABLE,
    errors.StorageUnavailable: STORAGE_UNAVAILABLE,
}
"""What each error of a request becomes; settings are read before there are requests."""


def problem_response(
    request: Request,
    problem: ProblemType,
    detail: str,
    *,
    headers: dict[str, str] | None = None,
    **extensions: Any,
) -> ProblemResponse:
    """Answer with a problem; `extensions` become further members of the object."""
    members = problem_members(problem, detail, instance_of(request), **extensions)
    return ProblemResponse(members, status_code=problem.status, headers=headers)


def problem_members(
    problem: ProblemType, detail: str, instance: str, **extensions: Any
) -> dict[str, Any]:
    """Return the members that RFC 9457 names, then the extensions."""
    return {
        "type": problem.uri,
        "title": problem.title,
        "status": int(problem.status),
        "detail": detail,
        "instance": instance,
        **extensions,
    }


def instance_of(request: Request) -> str:
    """The `instance` member: the path that was asked for, as a URI reference."""
    return quote(request.scope["path"], errors="replace")
