"""Logs as JSON lines: one object a record, with the id of the task that it is about.

    {"time": "2026-11-26T06:00:00.123Z", "level": "INFO", "logger": "queue_app.celery_producer",
     "message": "Enqueued.", "task_id": "bf8c6322-…"}

`task_id`, `trace_id`, `exception` and the members of a request (`client`, `method`, `path`,
`status`) are there when they are known. Payloads and results never are.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

_TASK_PATH = re.compile(r"/(?:status|tasks)/([^/?]+)")
_ACCESS = "uvicorn.access"
_ACCESS_FIELDS = 5  # client, method, path, version of HTTP, status: as uvicorn logs a request


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON.

    Args:
        context: what else is known where the record is made, such as `task_id` in a worker.
    """

    def __init__(self, context: Callable[[], dict[str, str]] = dict) -> None:
        super().__init__()
        self._context = context

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        moment = datetime.fromtimestamp(record.created, UTC)
        members: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **self._context(),
            **_request_members(record),
        }
        task_id = getattr(record, "task_id", None) or _task_of_celery(record)
        if task_id:
            members["task_id"] = str(task_id)
        if record.exc_info:
            members["exception"] = self.formatException(record.exc_info)
        return json.dumps(members, ensure_ascii=False)


def use_json(loggers: Iterable[logging.Logger], formatter: logging.Formatter) -> None:
    """Let the handlers that these loggers have write JSON lines."""
    for logger in loggers:
        for handler in logger.handlers:
            handler.setFormatter(formatter)


def use_json_in_server(context: Callable[[], dict[str, str]] = dict) -> None:
    """Let a process that uvicorn has started log JSON lines, and what becomes of each job."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler())
    logging.getLogger("queue_app").setLevel(logging.INFO)
    loggers = root, logging.getLogger("uvicorn"), logging.getLogger(_ACCESS)
    use_json(loggers, JsonFormatter(context))


def _request_members(record: logging.LogRecord) -> dict[str, Any]:
    arguments = record.args
    if record.name != _ACCESS or not isinstance(arguments, tuple):
        return {}
    if len(arguments) != _ACCESS_FIELDS:
        return {}
    client, method, path, _, status = arguments
    members = {"client": client, "method": method, "path": path, "status": status}
    task = _TASK_PATH.match(str(path))
    return members | ({"task_id": task.group(1)} if task else {})


def _task_of_celery(record: logging.LogRecord) -> Any:
    """Celery hands what it says of a task to its handlers; arguments and results among it."""
    data = getattr(record, "data", None)
    return data.get("id") if isinstance(data, dict) else None
