"""A Celery project with a worker that runs: for tests of what Celery can do."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from kombu import pools

from harness.live import start_worker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.processes import ManagedProcess
    from harness.stack import Stack

_APP = "tests.integration.canvas_app"


@dataclass(frozen=True, slots=True)
class Canvas:
    """The project.

    Attributes:
        tasks: The module of its tasks, whose app sends to the worker.
        worker: The worker.
        settings: Its settings.
    """

    tasks: Any
    worker: ManagedProcess
    settings: dict[str, str]


def settings_on(stack: Stack) -> dict[str, str]:
    """The settings for a queue and a container of one's own."""
    queue, container = stack.entities.create_queue(), stack.entities.name_container()
    return stack.endpoints.settings(queue, container)


@contextmanager
def running_canvas(settings: dict[str, str], folder: Path, *options: str) -> Iterator[Canvas]:
    """Start a worker for the project.

    Args:
        settings: Where it runs, as `settings_on` makes them.
        folder: The working directory.
        options: Those of the worker's command line.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        sys.modules.pop(_APP, None)  # each has an app of its own
        tasks = importlib.import_module(_APP)
    with start_worker(settings, app=_APP, options=options, folder=folder) as worker:
        yield Canvas(tasks, worker, settings)
    tasks.app.backend.close()
    tasks.app.close()
    pools.reset()  # kombu keeps them for the next app that connects to the same place
