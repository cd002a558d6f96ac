"""A worker tells which tasks have changed, to every process that listens."""

import asyncio
from typing import Any

from harness.pytest_plugin import RunningApp
from harness.waiting import wait_until
from queue_app.azure_services import azure_services
from queue_app.settings import Settings
from tests.integration.jobs import Client


def _settings(values: dict[str, str], **more: Any) -> Settings:
    given = {name.lower(): value for name, value in values.items() if value}
    return Settings.model_validate(given | more)


def test_a_worker_tells_all_who_listen_which_tasks_have_changed(
    running_app: RunningApp, client: Client
) -> None:
    ids: set[str] = set()
    with asyncio.Runner() as runner:
        both = [azure_services(_settings(running_app.settings)) for _ in range(2)]
        heard: list[set[str]] = [set(), set()]

        async def hear() -> bool:
            for known, services in zip(heard, both, strict=True):
                assert services.changes is not None
                known.update(await services.changes.hear())
            return all(ids & known for known in heard)

        def ask() -> bool:
            ids.add(client.enqueue(b"{}"))  # until the worker has seen that somebody listens
            return runner.run(hear())

        wait_until(ask, "the id of a task", timeout=60, interval=0.2)
        for services in both:
            runner.run(services.aclose())


def test_where_hints_are_off_nobody_listens(product_settings: dict[str, str]) -> None:
    assert azure_services(_settings(product_settings, tell_changes=False)).changes is None
