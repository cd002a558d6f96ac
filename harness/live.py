"""The product as processes: workers and APIs, ready when they are made."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from harness.environment import ROOT
from harness.processes import ManagedProcess, start_both
from harness.waiting import wait_until

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


def start_product(
    settings: Mapping[str, str],
    *,
    port: int = 0,
    options: tuple[str, ...] = (),
    app: str = _WORKER_APP,
    folder: Path = ROOT,
    sink_of: Callable[[str], Callable[[str], None]] | None = None,
    until_ready: bool = True,
) -> tuple[ManagedProcess, ManagedProcess, str]:
    """Start a worker and an API at the same time, and wait until they can do jobs.

    Args:
        settings: The product's settings.
        port: The API's; 0 for a free one.
        options: Added to the worker's command line.
        app: The module of the worker's Celery app.
        folder: The working directory of both.
        sink_of: Gives, for the name of a process, what is called with its lines.
        until_ready: Wait until broker and storage have answered the API (`/readyz`), too.

    Returns:
        The worker, the API, and the API's URL.
    """

    def sink(name: str) -> Callable[[str], None] | None:
        return sink_of(name) if sink_of else None

    (worker, _), (api, url) = start_both(
        lambda: (
            start_worker(settings, options=options, app=app, folder=folder, sink=sink("worker")),
            None,
        ),
        lambda: start_api(settings, port=port, folder=folder, sink=sink("api")),
    )
    if not until_ready:
        return worker, api, url
    try:
        wait_until(lambda: _is_ready(url), f"{url}/readyz to say that broker and storage answer")
    except BaseException:
        worker.stop()
        api.stop()
        raise
    return worker, api, url


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=10):  # noqa: S310 - our own server
            return True
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        pass  # it has not answered in time, which the next question may change
    return False


def _wait_for(process: ManagedProcess, pattern: str) -> str:
    try:
        match = process.wait_for_line(pattern)
    except BaseException:
        process.stop()
        raise
    return match.group(match.lastindex or 0)
