from collections.abc import Callable

import pytest
from azure.core.exceptions import AzureError, HttpResponseError, ServiceRequestError

from celery_azure.blobs import ChangedMeanwhileError
from celery_azure.log_buffer import LogBuffer
from celery_azure.log_writer import LogWriter, append_to_log, log_name

NAME = log_name("1")


class Logs:
    """Append blobs in memory; `trouble` is raised before, `lost` after the next append."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.trouble: Exception | None = None
        self.lost: Exception | None = None

    def create_log(self, name: str) -> None:
        self.asked.append("create")
        if self.trouble is not None:
            raise self.trouble
        if name in self.blobs:
            raise ChangedMeanwhileError(name)
        self.blobs[name] = b""

    def append(self, name: str, content: bytes, at: int) -> int | None:
        self.asked.append("append")
        if self.trouble is not None:
            raise self.trouble
        stored = self.blobs.get(name)
        if stored is None:
            return None
        if len(stored) != at:
            raise ChangedMeanwhileError(name)
        self.blobs[name] = stored + content
        if self.lost is not None:
            error, self.lost = self.lost, None
            raise error
        return at + len(content)

    def size(self, name: str) -> int | None:
        self.asked.append("size")
        return len(self.blobs[name]) if name in self.blobs else None


def test_a_log_is_created_and_written_with_two_requests() -> None:
    logs = Logs()
    assert append_to_log(logs, NAME, b"a\n", None) == 2
    assert logs.asked == ["create", "append"]


def test_what_follows_is_one_request() -> None:
    logs = Logs()
    position = append_to_log(logs, NAME, b"a\n", None)
    logs.asked.clear()
    assert append_to_log(logs, NAME, b"b\n", position) == 4
    assert logs.asked == ["append"]
    assert logs.blobs[NAME] == b"a\nb\n"


def test_a_second_run_appends_to_the_log_of_the_first() -> None:
    logs = Logs()
    logs.blobs[NAME] = b"first\n"
    append_to_log(logs, NAME, b"second\n", None)
    assert logs.blobs[NAME] == b"first\nsecond\n"


def test_a_lost_answer_does_not_write_twice() -> None:
    logs = Logs()
    logs.blobs[NAME] = b"a\n"
    logs.lost = ChangedMeanwhileError("the repeated request finds another length")
    assert append_to_log(logs, NAME, b"b\n", 2) == 4
    assert logs.blobs[NAME] == b"a\nb\n"


def test_two_writers_append_in_turn() -> None:
    logs = Logs()
    logs.blobs[NAME] = b"theirs\n"
    append_to_log(logs, NAME, b"ours\n", 0)
    assert logs.blobs[NAME] == b"theirs\nours\n"


def test_a_log_that_was_removed_is_created_again() -> None:
    logs = Logs()
    assert append_to_log(logs, NAME, b"late\n", 500) == 5
    assert logs.blobs[NAME] == b"late\n"


@pytest.fixture
def logs() -> Logs:
    return Logs()


@pytest.fixture
def writer(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> LogWriter:
    """A writer whose thread does not run: the tests play it."""
    monkeypatch.setattr("threading.Thread.start", lambda _: None)
    return LogWriter(logs)


Filled = Callable[..., LogBuffer]


@pytest.fixture
def filled(writer: LogWriter) -> Filled:
    def fill(*lines: str, task_id: str = "1") -> LogBuffer:
        buffer = writer.open(task_id)
        for line in lines:
            buffer.add(line)
        return buffer

    return fill


def test_a_task_that_has_ended_is_written(writer: LogWriter, logs: Logs, filled: Filled) -> None:
    writer.end(filled("a\n", "b\n"))
    assert writer.write_ended()
    assert logs.blobs == {NAME: b"a\nb\n"}


def test_a_task_that_runs_is_written_in_between(
    writer: LogWriter, logs: Logs, filled: Filled
) -> None:
    buffer = filled("a\n")
    writer.write_open()
    assert logs.blobs[NAME] == b"a\n"
    buffer.add("b\n")
    writer.end(buffer)
    writer.write_ended()
    assert logs.blobs[NAME] == b"a\nb\n"


def test_a_task_that_logs_nothing_costs_nothing(
    writer: LogWriter, logs: Logs, filled: Filled
) -> None:
    writer.end(filled())
    writer.write_ended()
    writer.write_open()
    assert logs.asked == []


def test_an_outage_delays_logs_and_loses_none(
    writer: LogWriter, logs: Logs, filled: Filled
) -> None:
    logs.trouble = ServiceRequestError("down")
    running = filled("r1\n", task_id="running")
    writer.end(filled("a\n", task_id="a"))
    writer.end(filled("b\n", task_id="b"))
    assert not writer.write_ended()
    writer.write_open()
    running.add("r2\n")
    logs.trouble = None
    assert writer.write_ended()
    writer.write_open()
    written = {name: logs.blobs[log_name(name)] for name in ("a", "b", "running")}
    assert written == {"a": b"a\n", "b": b"b\n", "running": b"r1\nr2\n"}


def test_what_is_being_written_when_its_task_ends_is_not_lost_in_an_outage(
    writer: LogWriter, logs: Logs, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    buffer = filled("last words\n")
    drained: list[bool] = []

    def end_and_fail(name: str) -> None:
        writer.end(buffer)
        drained.append(writer.drain(0))
        raise ServiceRequestError(name)

    with monkeypatch.context() as patch:
        patch.setattr(logs, "create_log", end_and_fail)
        writer.write_open()
    assert drained == [False]
    assert writer.write_ended()
    assert logs.blobs == {NAME: b"last words\n"}
    assert writer.drain(0)


def test_while_the_storage_is_away_only_the_first_log_tries(
    writer: LogWriter, logs: Logs, filled: Filled
) -> None:
    logs.trouble = ServiceRequestError("down")
    for number in range(20):
        writer.end(filled("a\n", task_id=str(number)))
    writer.write_ended()
    assert len(logs.asked) == 1


def test_what_is_refused_is_not_tried_again(writer: LogWriter, logs: Logs, filled: Filled) -> None:
    error: AzureError = HttpResponseError("too many blocks")
    vars(error)["status_code"] = 409
    logs.trouble = error
    writer.end(filled("a\n", task_id="full"))
    assert writer.write_ended()
    logs.trouble = None
    writer.end(filled("a\n"))
    assert writer.write_ended()
    assert logs.blobs == {NAME: b"a\n"}


def test_with_nothing_left_to_write_draining_ends_at_once(
    writer: LogWriter, filled: Filled
) -> None:
    writer.end(filled())
    assert writer.drain(0)
    writer.end(filled("a\n"))
    assert not writer.drain(0)
    writer.write_ended()
    assert writer.drain(0)


def test_too_many_logs_that_wait_are_dropped(
    writer: LogWriter, logs: Logs, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("celery_azure.log_writer._MAX_ENDED", 2)
    for task_id in ("1", "2", "3"):
        writer.end(filled("a\n", task_id=task_id))
    writer.write_ended()
    assert set(logs.blobs) == {log_name("1"), log_name("2")}
