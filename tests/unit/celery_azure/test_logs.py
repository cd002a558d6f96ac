import logging
from collections.abc import Iterator

import pytest
from celery import Celery, signals

from celery_azure.log_buffer import Budget, LogBuffer
from celery_azure.logs import TaskLogHandler, install_task_logs, read_log


def buffer(task_id: str = "1") -> LogBuffer:
    return LogBuffer(task_id, Budget(10_000), 10_000, lambda _: None)


@pytest.fixture
def handler() -> Iterator[TaskLogHandler]:
    handler = TaskLogHandler()
    handler.attach()
    yield handler
    for name in ("", "celery", "celery.task"):
        logging.getLogger(name).removeHandler(handler)


def test_records_of_any_logger_go_to_the_task_that_runs(handler: TaskLogHandler) -> None:
    log = buffer()
    handler.begin(log)
    logging.getLogger("some.library").warning("It is %s.", "late")
    handler.end()
    line = log.take().decode()
    assert line.endswith("Z WARNING some.library: It is late.\n")
    assert line[:2] == "20"
    assert line[10] == "T"


def test_records_outside_a_task_go_nowhere(handler: TaskLogHandler) -> None:
    log = buffer()
    logging.getLogger("x").warning("before")
    handler.begin(log)
    handler.end()
    logging.getLogger("x").warning("after")
    assert handler.end() is None
    assert not log


def test_a_task_within_a_task_has_its_own_log(handler: TaskLogHandler) -> None:
    outer, inner = buffer("outer"), buffer("inner")
    handler.begin(outer)
    handler.begin(inner)
    logging.getLogger("x").warning("inside")
    assert handler.end() is inner
    logging.getLogger("x").warning("outside")
    assert handler.end() is outer
    assert inner.take().endswith(b": inside\n")
    assert outer.take().endswith(b": outside\n")


def test_what_celery_says_of_a_success_is_left_out_and_of_a_failure_is_kept(
    handler: TaskLogHandler,
) -> None:
    trace = logging.getLogger("celery.app.trace")
    log = buffer()
    handler.begin(log)
    trace.warning("Task x succeeded", extra={})
    log.take()
    trace.handle(trace.makeRecord(trace.name, logging.INFO, "", 0, "succeeded", (), None))
    assert not log
    trace.error("Task x raised", exc_info=ValueError("why"))
    handler.end()
    text = log.take().decode()
    assert "Task x raised" in text
    assert "ValueError: why" in text


def test_a_logger_that_keeps_its_records_is_listened_to_itself() -> None:
    separate = logging.getLogger("celery.task")
    before = separate.propagate
    separate.propagate = False
    handler = TaskLogHandler()
    try:
        handler.attach()
        handler.attach()
        assert separate.handlers.count(handler) == 1
        log = buffer()
        handler.begin(log)
        logging.getLogger("celery.task.mine").warning("hello")
        handler.end()
        assert log.take().count(b"hello") == 1
    finally:
        separate.propagate = before
        for name in ("", "celery", "celery.task"):
            logging.getLogger(name).removeHandler(handler)


def test_a_record_that_cannot_be_written_harms_no_task(
    handler: TaskLogHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    log = buffer()
    handler.begin(log)
    logging.getLogger("x").warning("%d", "no number")
    handler.end()
    assert not log


class Blobs:
    def __init__(self, content: bytes | None) -> None:
        self.content = content

    def read_part(self, name: str, start: int, length: int) -> bytes | None:
        assert name == "logs/1.log"
        return None if self.content is None else self.content[start : start + length]


def test_a_log_is_read_part_by_part() -> None:
    blobs = Blobs(b"0123456789")
    assert read_log(blobs, "1", 0, 4) == (b"0123", 4)
    assert read_log(blobs, "1", 4, 100) == (b"456789", 10)
    assert read_log(blobs, "1", 10) == (b"", 10)


def test_a_task_without_a_log_has_an_empty_one() -> None:
    assert read_log(Blobs(None), "1") == (b"", 0)


def test_tasks_of_other_apps_are_left_alone(
    handler: TaskLogHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celery_azure.logs.TaskLogHandler", lambda: handler)
    for signal in ("task_prerun", "task_postrun", "worker_process_shutdown", "worker_shutdown"):
        monkeypatch.setattr(getattr(signals, signal), "receivers", [])
    ours, theirs = (Celery(name, set_as_current=False) for name in ("ours", "theirs"))
    writer = install_task_logs(ours, Refusing())
    opened: list[str] = []

    def note(task_id: str) -> LogBuffer:
        opened.append(task_id)
        return buffer(task_id)

    monkeypatch.setattr(writer, "open", note)
    for app in (ours, theirs):
        task = app.task(name="t", shared=False)(do_nothing)
        signals.task_prerun.send(sender=task, task_id=app.main, task=task)
        signals.task_postrun.send(sender=task, task_id=app.main, task=task)
    assert opened == ["ours"]


def do_nothing() -> None:
    pass


class Refusing:
    def create_log(self, name: str) -> None:
        raise AssertionError(name)

    def append(self, name: str, content: bytes, at: int) -> int | None:
        raise AssertionError((name, content, at))

    def size(self, name: str) -> int | None:
        raise AssertionError(name)
