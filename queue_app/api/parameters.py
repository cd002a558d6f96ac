"""Parameters of requests, read by hand: what is absent costs nothing, and mistakes get a sentence.

Each has its description for the OpenAPI document beside it.
"""

import math
import re
from typing import Any

from fastapi import Request

from queue_app.errors import InvalidParameter

MAX_WAIT_SECONDS = 60
"""The longest `wait`: proxies in between give up at about that time."""

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
    "schema": {"type": "string", "pattern": "^[0-9]{1,15}$"},
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

_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)
_OFFSET = re.compile(r"[0-9]{1,15}", re.ASCII)
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
        raise InvalidParameter(f"query.{name}: a number from 0 to {maximum:g} is expected.")
    return value


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
