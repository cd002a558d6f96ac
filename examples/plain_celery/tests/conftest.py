"""A worker on a queue of its own; `stack`, `servicebus` and `blob_storage` come from the plugin."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

SHOP = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shop(stack, servicebus, blob_storage) -> Iterator[ModuleType]:
    """The shop's module, with a running worker."""
    settings = {
        "BROKER_URL": stack.endpoints.broker_url,
        "AZURE_BLOB_CONNECTION_STRING": blob_storage.connection_string,
        "RESULTS_CONTAINER": blob_storage.unique_container(),
        "QUEUE": servicebus.create_queue(),
    }
    os.environ.update(settings)
    command = [sys.executable, "-m", "celery", "-A", "shop", "worker", "--pool=solo"]
    worker = subprocess.Popen(command, cwd=SHOP)
    try:
        import shop

        yield shop
    finally:
        worker.terminate()
        worker.wait(timeout=30)
