import json
from typing import Any

import pytest
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    ResourceNotFoundError,
    ServiceRequestError,
)
from celery import Celery, states

from celery_azure.blobs import JSON, Patience
from celery_azure.results import BlobBackend
from celery_azure.serializer import NAME, register_plain_json
from tests.unit.celery_azure.in_memory_blobs import InMemoryBlobs

ACCOUNT = "AccountName=acc;AccountKey=a2V5"
KEY = "celery-task-meta-1"


class Backend(BlobBackend):
    """A backend on a container in memory; `postponed` holds what waits."""

    def __init__(self, started_after: float = 0.0) -> None:
        register_plain_json()
        app = Celery("test", set_as_current=False)
        app.conf.update(
            result_serializer=NAME,
            accept_content=[NAME],
            result_backend_transport_options={"account": ACCOUNT, "started_after": started_after},
        )
        super().__init__(app=app)
        self.postponed = Postponed()
        self._postponed: Any = self.postponed
        self.use(InMemoryBlobs())

    def use(self, blobs: InMemoryBlobs) -> None:
        """Store in this container."""
        self.blobs = blobs
        self._blobs: Any = blobs
        self._started_blobs: Any = blobs

    @property
    def status(self) -> str | None:
        blob = self.blobs.blobs.get(KEY)
        return json.loads(blob.content)["status"] if blob else None

    def asked(self) -> list[str]:
        """What was asked of the container since the last call."""
        asked, self.blobs.asked = self.blobs.asked, []
        return asked


class Postponed:
    def __init__(self) -> None:
        self.calls: dict[str, Any] = {}

    def add(self, key: str, call: Any) -> None:
        self.calls[key] = call

    def drop(self, key: str) -> None:
        self.calls.pop(key, None)

    def make(self) -> None:
        while self.calls:
            self.calls.popitem()[1]()


def store(backend: Backend, state: str, result: Any = None) -> None:
    backend.store_result("1", result, state)


def test_a_short_task_costs_one_write() -> None:
    backend = Backend(started_after=0.1)
    store(backend, states.STARTED)
    store(backend, states.SUCCESS, 1)
    assert backend.asked() == ["write"]
    backend.postponed.make()
    assert backend.asked() == []
    assert backend.status == states.SUCCESS


def test_a_long_task_costs_two_writes_and_no_read() -> None:
    backend = Backend(started_after=0.1)
    store(backend, states.STARTED)
    backend.postponed.make()
    assert backend.status == states.STARTED
    store(backend, states.SUCCESS, 1)
    assert backend.asked() == ["write", "write"]
    assert backend.status == states.SUCCESS


def test_without_a_delay_the_start_is_stored_at_once() -> None:
    backend = Backend(started_after=0.0)
    store(backend, states.STARTED)
    assert backend.status == states.STARTED
    assert backend.postponed.calls == {}


def test_what_a_task_reports_takes_the_place_of_its_start() -> None:
    backend = Backend(started_after=0.1)
    store(backend, states.STARTED)
    store(backend, "PROGRESS", {"done": 1})
    store(backend, states.SUCCESS)
    assert backend.postponed.calls == {}
    assert backend.asked() == ["write", "write"]


@pytest.mark.parametrize("late", [states.STARTED, states.RETRY, "PROGRESS", states.FAILURE])
def test_a_success_is_replaced_by_nothing(late: str) -> None:
    ours, theirs = Backend(), Backend()
    theirs.use(ours.blobs)
    store(ours, states.STARTED)
    store(theirs, states.SUCCESS, 1)
    store(ours, late, ValueError("x") if late == states.FAILURE else None)
    assert ours.status == states.SUCCESS


@pytest.mark.parametrize("late", [states.STARTED, states.RETRY, "PROGRESS"])
@pytest.mark.parametrize("end", [states.FAILURE, states.REVOKED])
def test_an_end_is_replaced_by_nothing_that_is_none(late: str, end: str) -> None:
    backend = Backend()
    store(backend, end, ValueError("x"))
    store(backend, late)
    assert backend.status == end


def test_a_success_may_follow_a_failure_when_a_message_comes_again() -> None:
    backend = Backend()
    store(backend, states.FAILURE, ValueError("x"))
    store(backend, states.SUCCESS, 1)
    assert backend.status == states.SUCCESS


def test_what_another_process_has_begun_is_read_once_and_replaced() -> None:
    other, backend = Backend(), Backend()
    store(other, states.STARTED)
    backend.use(other.blobs)
    backend.asked()
    store(backend, states.SUCCESS, 1)
    assert backend.asked() == ["write", "read", "write"]
    assert backend.status == states.SUCCESS


def test_what_was_read_before_is_replaced_without_another_read() -> None:
    other, backend = Backend(), Backend()
    store(other, states.RETRY, ValueError("x"))
    backend.use(other.blobs)
    backend.read_meta("1")
    backend.asked()
    store(backend, states.SUCCESS, 1)
    assert backend.asked() == ["write"]


def test_an_end_that_was_read_before_is_not_replaced_by_a_start() -> None:
    backend = Backend(started_after=0.1)
    store(backend, states.REVOKED, ValueError("x"))
    backend.read_meta("1")
    store(backend, states.STARTED)
    backend.postponed.make()
    assert backend.status == states.REVOKED


def test_a_task_that_ends_without_a_state_is_not_shown_as_running() -> None:
    backend = Backend(started_after=0.1)
    store(backend, states.STARTED)
    backend.process_cleanup()
    backend.postponed.make()
    assert backend.status is None


def test_a_result_that_was_removed_meanwhile_is_written_anew() -> None:
    backend = Backend()
    store(backend, states.STARTED)
    backend.blobs.blobs.clear()
    store(backend, states.SUCCESS, 1)
    assert backend.status == states.SUCCESS


@pytest.mark.parametrize("state", [states.STARTED, states.SUCCESS])
def test_a_write_whose_answer_was_lost_has_succeeded(state: str) -> None:
    backend = Backend()
    backend.blobs.lose_next_answer = True
    store(backend, state)
    assert backend.status == state
    store(backend, states.SUCCESS)
    assert backend.status == states.SUCCESS


def test_a_start_that_cannot_be_written_harms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Backend(started_after=0.1)
    store(backend, states.STARTED)

    def refuse(*_: object) -> str:
        raise ServiceRequestError("down")

    with monkeypatch.context() as patch:
        patch.setattr(backend.blobs, "replace", refuse)
        backend.postponed.make()
    store(backend, states.SUCCESS, 1)
    assert backend.status == states.SUCCESS


def refuse_writes(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, refusals: list[AzureError]
) -> None:
    write = backend.blobs.replace

    def refuse(*arguments: Any) -> str:
        if refusals:
            raise refusals.pop()
        return write(*arguments)

    monkeypatch.setattr(backend.blobs, "replace", refuse)


def test_an_end_that_is_refused_is_held_until_somebody_has_mended_that(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    backend = Backend()
    backend._patience = Patience(first_wait=0.0)
    refusals: list[AzureError]
    refusals = [ResourceNotFoundError("no container"), ClientAuthenticationError("another key")]
    refuse_writes(backend, monkeypatch, refusals)
    store(backend, states.SUCCESS, 1)
    assert backend.status == states.SUCCESS
    assert [record.getMessage() for record in caplog.records] == [
        "The end of a task cannot be stored, trying on: another key"
    ]


@pytest.mark.parametrize(
    ("state", "retries"), [("PROGRESS", 5), (states.RETRY, 5), (states.SUCCESS, 0)]
)
def test_what_is_no_end_or_cannot_wait_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch, state: str, retries: int
) -> None:
    backend = Backend()
    backend._patience = Patience(first_wait=0.0, retries=retries)
    refuse_writes(backend, monkeypatch, [ClientAuthenticationError("no")])
    with pytest.raises(ClientAuthenticationError):
        store(backend, state)


def test_versions_of_tasks_that_have_ended_are_forgotten() -> None:
    backend = Backend()
    for number in range(5):
        backend.store_result(str(number), None, states.STARTED)
        backend.store_result(str(number), None, states.SUCCESS)
    assert not backend._versions


def test_results_are_json_of_celerys_shape() -> None:
    backend = Backend()
    store(backend, states.SUCCESS, {"é": [1.5, None]})
    meta = json.loads(backend.blobs.blobs[KEY].content)
    assert {"status", "result", "traceback", "children", "date_done", "task_id"} <= set(meta)
    assert (meta["task_id"], meta["result"]) == ("1", {"é": [1.5, None]})


def test_a_traceback_that_utf8_cannot_carry_is_escaped() -> None:
    backend = Backend()
    backend.store_result("1", ValueError("x"), states.FAILURE, traceback="at \ud800")
    assert "\\ud800" in json.loads(backend.blobs.blobs[KEY].content)["traceback"]


def test_an_unknown_task_is_pending_and_has_no_meta() -> None:
    backend = Backend()
    assert backend.get_state("1") == states.PENDING
    assert backend.read_meta("1") is None


def test_several_values_are_read_together() -> None:
    backend = Backend()
    backend.set("a", "1")
    backend.set("b", b"2")
    assert backend.mget(["b", "x", b"a"]) == [b"2", None, b"1"]
    assert backend.asked() == ["write", "write", "read_many"]


def test_a_result_can_be_forgotten() -> None:
    backend = Backend()
    store(backend, states.SUCCESS, 1)
    backend.forget("1")
    assert backend.status is None


def test_values_are_declared_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = Backend()
    declared: list[str] = []

    def replace(*arguments: str) -> str:
        declared.append(arguments[3])
        return '"1"'

    monkeypatch.setattr(backend.blobs, "replace", replace)
    store(backend, states.SUCCESS, 1)
    assert declared == [JSON]


@pytest.mark.parametrize(
    ("account", "shown"),
    [
        (ACCOUNT, "https://acc.blob.core.windows.net/celery"),
        ("https://acc.blob.core.windows.net", "https://acc.blob.core.windows.net/celery"),
        ("UseDevelopmentStorage=true", "http://127.0.0.1:10000/devstoreaccount1/celery"),
    ],
)
def test_a_worker_shows_where_results_are_and_no_secret(account: str, shown: str) -> None:
    app = Celery("test", set_as_current=False)
    app.conf.result_backend_transport_options = {"account": account}
    assert BlobBackend(app=app).as_uri(include_password=True) == shown


def test_who_shows_the_settings_of_a_worker_shows_no_key() -> None:
    app = Celery("test", set_as_current=False)
    app.conf.result_backend_transport_options = {"account": ACCOUNT, "container": "box"}
    backend = BlobBackend(app=app)
    assert "a2V5" not in app.conf.humanize(with_defaults=False)
    assert BlobBackend(app=app).as_uri() == backend.as_uri()


def test_one_backend_serves_all_threads_of_an_app() -> None:
    assert Backend().thread_safe
