"""What the harness takes from the environment, and what it hands on to its children."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds `main.py` and the packages."""

_OURS = (
    "SERVICE_BUS_",
    "AZURE_BLOB_CONNECTION_STRING",
    "BLOB_CONTAINER_NAME",
    "MAX_PAYLOAD_BYTES",
    "PROCESSING_DELAY_SECONDS",
    "MAX_STREAMS",
    "SHUTDOWN_GRACE_SECONDS",
)


def cache_folder() -> Path:
    """Where downloads are kept: `HARNESS_CACHE_DIR`, or `.cache` beside the packages."""
    chosen = os.environ.get("HARNESS_CACHE_DIR")  # noqa: TID251 - this is the reader
    return Path(chosen).resolve() if chosen else ROOT / ".cache"


def child_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: ours without settings of the product, then `settings`."""
    kept = {
        name: value
        for name, value in os.environ.items()  # noqa: TID251 - this is the reader
        if not name.startswith(_OURS)
    }
    return kept | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)} | dict(settings)
