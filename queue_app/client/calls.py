"""The requests of the API: what both clients send."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

LONGEST_WAIT = 30.0
"""Seconds of one long poll; waiting longer takes several."""

RETRIES = 4
"""How often a call is tried again that may be sent twice."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request; `is_repeatable` when sending it twice does no harm."""

    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes | None = None
    is_repeatable: bool = True


def enqueue(
    data: dict[str, Any],
    idempotency_key: str | None = None,
    delay: float | None = None,
    at: datetime | None = None,
) -> Call:
    """Enqueue a job; without a key it must not be sent twice."""
    return _post("/enqueue/", data, _when(delay, at), idempotency_key)


def enqueue_many(
    items: Iterable[dict[str, Any]],
    idempotency_key: str | None = None,
    delay: float | None = None,
    at: datetime | None = None,
) -> Call:
    """Enqueue many jobs."""
    return _post("/enqueue/batch", list(items), _when(delay, at), idempotency_key)


def status(task_id: str, wait: float = 0) -> Call:
    """Ask for the status of a job, and wait for its end."""
    params = {"wait": f"{min(wait, LONGEST_WAIT):g}"} if wait > 0 else {}
    return Call("GET", f"/status/{quote(task_id, safe='')}", params)


def events(task_id: str, last_id: str | None) -> Call:
    """Ask for the events of a job, from where the last stream ended."""
    headers = {"Accept": "text/event-stream"}
    if last_id is not None:
        headers["Last-Event-ID"] = last_id
    return Call("GET", f"/status/{quote(task_id, safe='')}/events", headers=headers)


def log(task_id: str, *, follow: bool, start: int = 0) -> Call:
    """Ask for the log of a task."""
    headers = {"Range": f"bytes={start}-"} if start else {}
    params = {"follow": "true"} if follow else {}
    return Call("GET", f"/status/{quote(task_id, safe='')}/logs", params, headers)


def task(task_id: str) -> Call:
    """Ask for all that is known of a task."""
    return Call("GET", f"/tasks/{quote(task_id, safe='')}")


def cancel(task_id: str) -> Call:
    """Cancel a task."""
    return Call("DELETE", f"/tasks/{quote(task_id, safe='')}")


def queue() -> Call:
    """Ask how many messages there are."""
    return Call("GET", "/queue")


def dead_letters(after: int, limit: int) -> Call:
    """Ask for a page of dead letters."""
    return Call("GET", "/dead-letters", {"after": str(after), "limit": str(limit)})


def dead_letter(sequence_number: int) -> Call:
    """Ask for a dead letter with its payload."""
    return Call("GET", f"/dead-letters/{sequence_number}")


def settle(verb: str, numbers: Sequence[int] | None) -> Call:
    """Requeue or delete dead letters, all for None."""
    chosen = {"all": True} if numbers is None else {"sequence_numbers": list(numbers)}
    # Twice is harmless for those named: what is gone is missing. All means others the next time.
    call = _post(f"/dead-letters/{verb}", chosen, {}, None)
    return Call(call.method, call.path, headers=call.headers, content=call.content)


def _post(path: str, value: Any, params: dict[str, str], key: str | None) -> Call:
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key
    content = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Call("POST", path, params, headers, content.encode(), is_repeatable=key is not None)


def _when(delay: float | None, at: datetime | None) -> dict[str, str]:
    if delay is not None:
        return {"delay": f"{delay:f}"}
    return {"at": at.isoformat()} if at is not None else {}
