"""The product as processes: workers and APIs, ready when they are made."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from harness.environment import ROOT
from harness.processes import ManagedProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_WORKER_APP = "queue_app.celery_app"


def start_worker(
    settings: Mapping[str, str],
    *,
    options: tuple[str, ...] = (),
    app: str = _WORKER_APP,
    folder: Path = ROOT,
    sink: Callable[[str], None] | None = None,
) -> ManagedProcess:
    """Start a worker as README does, and wait until it consumes.

    Args:
        settings: The product's settings.
        options: Added to the command line, such as `--pool=threads`.
        app: The module of the Celery app.
        folder: The working directory, whose `.env` is read.
        sink: Called with each line of its output.
    """
    command = [sys.executable, "-m", "celery", "-A", app, "worker", "--loglevel=info"]
    worker = ManagedProcess(
        "worker", [*command, *options], settings=settings, folder=folder, sink=sink
    )
    _wait_for(worker, r"celery@\S+ ready\.")
    return worker


def start_api(
    settings: Mapping[str, str],
    *,
    port: int = 0,
    folder: Path = ROOT,
    sink: Callable[[str], None] | None = None,
) -> tuple[ManagedProcess, str]:
    """Start an API as README does, and wait until it listens; the process and its URL."""
    command = [sys.executable, "-m", "uvicorn", "main:app", "--app-dir", str(ROOT)]
    api = ManagedProcess(
        "api", [*command, "--port", str(port)], settings=settings, folder=folder, sink=sink
    )
    return api, _wait_for(api, r"Uvicorn running on (http://127\.0\.0\.1:\d+)")


def _wait_for(process: ManagedProcess, pattern: str) -> str:
    try:
        match = process.wait_for_line(pattern)
    except BaseException:
        process.stop()
        raise
    return match.group(match.lastindex or 0)
