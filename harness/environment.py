"""What the harness takes from the environment, and what it hands on to its children."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds `main.py` and the packages."""

_CACHE_NAME = "queue-processing-harness"

# The product's settings, by name or by how they begin; the harness does not import it.
_OURS = (
    "SERVICE_BUS_",
    "AZURE_BLOB_CONNECTION_STRING",
    "BLOB_CONTAINER_NAME",
    "MAX_PAYLOAD_BYTES",
    "PROCESSING_DELAY_SECONDS",
    "STARTED_AFTER_SECONDS",
    "TASK_ATTEMPTS",
    "TASK_LOGS",
    "TELL_CHANGES",
    "RETRY_FIRST_SECONDS",
    "RETRY_LONGEST_SECONDS",
    "LOG_FORMAT",
    "RESULT_EXPIRES_HOURS",
    "REMOTE_CONTROL",
    "WORKER_METRICS_",
    "API_KEYS",
    "RATE_LIMIT_PER_SECOND",
    "MAX_BATCH_",
    "IDEMPOTENCY_HOURS",
    "MAX_STREAMS",
    "SHUTDOWN_GRACE_SECONDS",
)


_CONTAINERS = (
    "ACCEPT_EULA",
    "AZURITE_IMAGE",
    "BASE_IMAGE",
    "MSSQL_IMAGE",
    "SERVICEBUS_EMULATOR",
    "SERVICEBUS_EMULATOR_IMAGE",
)


def container_settings() -> dict[str, str]:
    """What is set of the variables that `harness/containers.py` lists."""
    every = os.environ  # noqa: TID251 - this is the reader
    return {name: every[name] for name in _CONTAINERS if every.get(name)}


def product_settings() -> dict[str, str]:
    """What is set of the product's variables."""
    every = os.environ  # noqa: TID251 - this is the reader
    return {name: value for name, value in every.items() if name.startswith(_OURS)}


def cache_folder() -> Path:
    """Where downloads are kept.

    `HARNESS_CACHE_DIR`; else `.cache` in a work tree; else the user's cache, where this package is
    installed in some other project.
    """
    chosen = os.environ.get("HARNESS_CACHE_DIR")  # noqa: TID251 - this is the reader
    if chosen:
        return Path(chosen).resolve()
    if (ROOT / "noxfile.py").exists():
        return ROOT / ".cache"
    local = os.environ.get("LOCALAPPDATA")  # noqa: TID251 - as Windows says
    if sys.platform == "win32" and local:
        return Path(local) / _CACHE_NAME
    caches = "Library/Caches" if sys.platform == "darwin" else ".cache"
    return Path.home() / caches / _CACHE_NAME


def child_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: ours without settings of the product, then `settings`."""
    kept = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - this is the reader
        if not name.startswith(_OURS)
    }
    path = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    ours = {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONPATH": path}
    return kept | ours | dict(settings)
