import runpy
import sys

import pytest

import queue_app.celery_app
from queue_app.idempotency import PREFIX
from queue_app.settings import Settings


def settings(**changes: object) -> Settings:
    required = {
        "service_bus_key_name": "name",
        "service_bus_key": "key",
        "service_bus_namespace": "my-namespace",
        "service_bus_queue_name": "jobs",
        "azure_blob_connection_string": "AccountName=acc;AccountKey=a2V5",
    }
    return Settings.model_validate(required | changes)


@pytest.mark.parametrize(("task_logs", "expected"), [(True, 1), (False, 0)])
def test_logs_of_tasks_are_stored_unless_a_setting_forbids_it(
    monkeypatch: pytest.MonkeyPatch, task_logs: bool, expected: int
) -> None:
    installed: list[object] = []
    monkeypatch.setattr(
        queue_app.celery_app, "install_task_logs", lambda app, _: installed.append(app)
    )
    app = queue_app.celery_app.create_worker_app(settings(task_logs=task_logs))
    assert installed == [app] * expected


def test_the_sweeper_knows_how_long_results_and_idempotency_keys_live(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue_app.celery_app, "install_task_logs", lambda *_: None)
    app = queue_app.celery_app.create_worker_app(
        settings(result_expires_hours=2, idempotency_hours=3)
    )
    assert app.backend.expires == 7200
    assert app.conf.result_backend_transport_options["also_expire"] == {PREFIX: 10_800}


def test_when_a_start_is_stored_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_app.celery_app, "install_task_logs", lambda *_: None)
    app = queue_app.celery_app.create_worker_app(settings(started_after_seconds=0.7))
    assert app.conf.result_backend_transport_options["started_after"] == 0.7


@pytest.mark.parametrize(
    ("platform", "pool"), [("win32", "threads"), ("linux", "celery_azure.prefork:TaskPool")]
)
def test_where_processes_cannot_fork_tasks_run_in_threads(
    monkeypatch: pytest.MonkeyPatch, platform: str, pool: str
) -> None:
    monkeypatch.setattr(queue_app.celery_app, "install_task_logs", lambda *_: None)
    app = queue_app.celery_app.create_worker_app(settings(), platform)
    assert app.conf.worker_pool == pool


@pytest.mark.parametrize(
    ("name", "importer"),
    [
        ("pydantic_settings", "queue_app.settings"),
        ("prometheus_client", "queue_app.task_metrics"),
    ],
)
def test_without_the_extra_the_worker_ends_with_one_line_that_names_it(
    name: str, importer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Only the module that fails is imported again: another would stay in its package.
    monkeypatch.delitem(sys.modules, importer)
    monkeypatch.setitem(sys.modules, name, None)  # importing it fails

    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(queue_app.celery_app.__file__))

    assert caught.value.code == (
        f"The worker needs {name}, of the extra `service`: pip install '.[service]'"
    )
