"""Parameters of requests, read by hand: what is absent costs nothing, and mistakes get a sentence.

Each has its description for the OpenAPI document beside it.
"""

import math
import re
from datetime import datetime
from typing import Any

from fastapi import Request

from queue_app.api.fields import field
from queue_app.errors import InvalidParameter

CALLER = "queue_app.caller"
"""In the scope of a request: the name of whoever holds its key; absent without keys."""

MAX_WAIT_SECONDS = 60
"""The longest `wait`: proxies in between give up at about that time."""

MAX_DELAY_SECONDS = 30 * 86_400

MAX_SEQUENCE_NUMBER = 2**63 - 1
"""The service counts in 64 bits with a sign; the upper 16 tell the part of a partitioned queue."""

MAX_AFTER = MAX_SEQUENCE_NUMBER - 1

WAIT: dict[str, Any] = {
    "name": "wait",
    "in": "query",
    "required": False,
    "description": "Wait for the end of the job, or with If-None-Match for any change of the "
    "answer, at most so many seconds.",
    "schema": {"type": "number", "minimum": 0, "maximum": MAX_WAIT_SECONDS},
    "example": 10,
}
IF_NONE_MATCH: dict[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "An ETag of an earlier answer: 304 when it is still the same.",
    "schema": {"type": "string"},
    "example": '"6c1e0c9a5f1b7d3e42"',
}
LAST_EVENT_ID: dict[str, Any] = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The id of the last event received: the log goes on behind it.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
    "example": "1024",
}
RANGE: dict[str, Any] = {
    "name": "Range",
    "in": "header",
    "required": False,
    "description": "`bytes=<first>-` or `bytes=<first>-<last>` (RFC 9110, section 14).",
    "schema": {"type": "string"},
    "example": "bytes=1024-",
}
FOLLOW: dict[str, Any] = {
    "name": "follow",
    "in": "query",
    "required": False,
    "description": "With `true`, go on until the task has ended.",
    "schema": {"type": "boolean"},
    "example": True,
}

DELAY: dict[str, Any] = {
    "name": "delay",
    "in": "query",
    "required": False,
    "description": "Start the job not before so many seconds from now.",
    "schema": {"type": "number", "minimum": 0, "maximum": MAX_DELAY_SECONDS},
    "example": 90,
}
AT: dict[str, Any] = {
    "name": "at",
    "in": "query",
    "required": False,
    "description": "Start the job not before this time (RFC 3339, with an offset or Z), at most "
    "30 days ahead. Not together with `delay`.",
    "schema": {"type": "string", "format": "date-time"},
    "example": "2026-11-26T06:00:00Z",
}
IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Chosen by the client: the same key and the same body give the same task.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "example": "8f14e45f-ceea-467f-9a3b-0e6d5a1c2b3d",
}

AFTER: dict[str, Any] = {
    "name": "after",
    "in": "query",
    "required": False,
    "description": "The `next` of the page before.",
    "schema": {"type": "integer", "minimum": 0, "maximum": MAX_AFTER, "default": 0},
    "example": 50,
}
LIMIT: dict[str, Any] = {
    "name": "limit",
    "in": "query",
    "required": False,
    "description": "The most items of the page.",
    "schema": {"type": "integer", "minimum": 1, "maximum": 250, "default": 50},
    "example": 50,
}
SEQUENCE_NUMBER: dict[str, Any] = {
    "name": "sequence_number",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 0, "maximum": MAX_SEQUENCE_NUMBER},
    "example": 7,
}

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_OFFSET = re.compile(r"[0-9]{1,19}", re.ASCII)
_BYTES_RANGE = re.compile(r"bytes=([0-9]{1,15})-([0-9]{1,15})?", re.ASCII)


def seconds(request: Request, name: str, maximum: float) -> float | None:
    """Read a number of seconds; None when the query has none.

    Raises:
        InvalidParameter: it is not a number from 0 to the maximum.
    """
    text = request.query_params.get(name)
    if text is None:
        return None
    value = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not 0 <= value <= maximum:
        raise InvalidParameter(f"query.{name}: a number from 0 to {maximum:.15g} is expected.")
    return value


def whole(request: Request, name: str, default: int, minimum: int, maximum: int) -> int:
    """Read a whole number.

    Raises:
        InvalidParameter: it is none, or not within its bounds.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    value = int(text) if _OFFSET.fullmatch(text) else -1
    if not minimum <= value <= maximum:
        raise InvalidParameter(
            f"query.{name}: a whole number from {minimum} to {maximum} is expected."
        )
    return value


def due_at(request: Request, now: float) -> float | None:
    """Read when a job may start, in seconds since 1970; None when the query does not say.

    Raises:
        InvalidParameter: neither `delay` nor `at` as they are described, or both.
    """
    delay = seconds(request, "delay", MAX_DELAY_SECONDS)
    text = request.query_params.get("at")
    if text is None:
        return None if delay is None else now + delay
    if delay is not None:
        raise InvalidParameter("query.at: delay and at exclude each other.")
    try:
        # A plus sign that was not escaped arrives as a space.
        at = datetime.fromisoformat(_time(text)).timestamp()
    except (ValueError, OverflowError):
        raise InvalidParameter(
            "query.at: a time such as 2026-11-26T06:00:00Z is expected (RFC 3339)."
        ) from None
    if at > now + MAX_DELAY_SECONDS:
        raise InvalidParameter("query.at: at most 30 days ahead.")
    return max(at, now)


def idempotency_key(request: Request) -> str | None:
    """Read the Idempotency-Key, with or without the quotes of the draft; None without one.

    Raises:
        InvalidParameter: it is not 1 to 255 visible ASCII characters.
    """
    key = field(request.scope, b"idempotency-key")
    if key is None:
        return None
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not _KEY.fullmatch(key):
        raise InvalidParameter(
            "header.Idempotency-Key: 1 to 255 visible ASCII characters are expected."
        )
    # Callers choose their keys without knowing of each other.
    return f"{request.scope.get(CALLER, '')} {key}"


def flag(request: Request, name: str) -> bool:
    """Read a yes or no; no when the query has none.

    Raises:
        InvalidParameter: it is neither.
    """
    text = request.query_params.get(name, "false").lower()
    if text not in {"true", "false", "1", "0"}:
        raise InvalidParameter(f"query.{name}: true or false is expected.")
    return text in {"true", "1"}


def last_event_id(request: Request) -> int:
    """Read where an event stream goes on; 0 for the beginning, also for an id of nobody's."""
    text = request.headers.get("last-event-id", "")
    return int(text) if _OFFSET.fullmatch(text) else 0


def byte_range(request: Request) -> tuple[int, int | None] | None:
    """Read a range of bytes: the first and the last, which may be open.

    None for what is not such a range, which a server may ignore (RFC 9110, section 14.2).
    """
    match = _BYTES_RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if match is None:
        return None
    first, last = int(match[1]), None if match[2] is None else int(match[2])
    return None if last is not None and last < first else (first, last)


def _time(text: str) -> str:
    """Make of RFC 3339 what Python's parser of ISO 8601 reads."""
    unescaped = text[:11] + text[11:].replace(" ", "+")
    if not _TIME.fullmatch(unescaped):
        raise ValueError(text)
    return unescaped.upper().replace("Z", "+00:00")
