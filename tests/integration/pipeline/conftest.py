from collections.abc import Iterator

import pytest

from harness.pytest_plugin import RunningApp
from tests.integration.jobs import Client


@pytest.fixture(scope="session")
def client(running_app: RunningApp) -> Iterator[Client]:
    with Client(running_app.url) as client:
        yield client
