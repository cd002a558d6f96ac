import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from queue_app.json_logs import JsonFormatter, use_json, use_json_in_server


def record(message: str, *arguments: Any, name: str = "work", **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.INFO, "file.py", 1, message, arguments, None)
    made.created = 1_800_000_000.25
    made.__dict__.update(extra)
    return made


def members(made: logging.LogRecord, formatter: logging.Formatter | None = None) -> dict[str, Any]:
    line = (formatter or JsonFormatter()).format(made)
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_record_is_one_line_with_time_level_logger_and_message() -> None:
    assert members(record("two\nlines of %s", "é")) == {
        "time": "2027-01-15T08:00:00.250Z",
        "level": "INFO",
        "logger": "work",
        "message": "two\nlines of é",
    }


def test_the_task_is_the_one_that_runs_unless_the_record_names_another() -> None:
    formatter = JsonFormatter(lambda: {"task_id": "running"})
    assert members(record("x"), formatter)["task_id"] == "running"
    assert members(record("x", task_id="named"), formatter)["task_id"] == "named"


def test_of_what_celery_says_of_a_task_only_its_id_is_told() -> None:
    made = record("done", data={"id": "t-1", "args": "secret", "return_value": "secret"})
    assert members(made)["task_id"] == "t-1"
    assert "secret" not in JsonFormatter().format(made)


@pytest.mark.parametrize(
    ("path", "task_id"),
    [("/status/t-1?wait=3", "t-1"), ("/tasks/t-1", "t-1"), ("/enqueue/", None), ("/tasks", None)],
)
def test_a_request_is_told_in_members(path: str, task_id: str | None) -> None:
    message = '%s - "%s %s HTTP/%s" %d'
    told = members(record(message, "127.0.0.1:5", "GET", path, "1.1", 200, name="uvicorn.access"))
    assert (told["client"], told["method"], told["status"]) == ("127.0.0.1:5", "GET", 200)
    assert told["path"] == path
    assert told.get("task_id") == task_id


def test_an_exception_is_told_with_its_traceback() -> None:
    made = record("failed")
    try:
        int("none")
    except ValueError:
        made.exc_info = sys.exc_info()
    assert members(made)["exception"].endswith("literal for int() with base 10: 'none'")


@pytest.fixture
def loggers() -> Iterator[None]:
    """Put back what a test changes of the process's loggers."""
    touched = [logging.getLogger(name) for name in (None, "uvicorn", "uvicorn.access", "queue_app")]
    before = [(logger, list(logger.handlers), logger.level) for logger in touched]
    yield
    for logger, handlers, level in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)


@pytest.mark.usefixtures("loggers")
def test_the_handlers_of_a_server_write_json() -> None:
    stream = io.StringIO()
    logging.getLogger("uvicorn").addHandler(logging.StreamHandler(stream))
    use_json_in_server()
    logging.getLogger("uvicorn").warning("it is late")
    assert json.loads(stream.getvalue())["message"] == "it is late"
    assert logging.getLogger("queue_app.anything").isEnabledFor(logging.INFO)
    assert all(isinstance(h.formatter, JsonFormatter) for h in logging.getLogger().handlers)


def test_other_loggers_are_left_alone() -> None:
    stream = io.StringIO()
    logger = logging.Logger("of its own")  # noqa: LOG001 - one that nobody else knows
    logger.addHandler(logging.StreamHandler(stream))
    use_json([], JsonFormatter())
    logger.warning("plain")
    assert stream.getvalue() == "plain\n"
