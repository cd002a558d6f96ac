"""The pytest plugin: a stack for tests that ask for one, started when the first of them runs.

With pytest-xdist every worker process has a stack of its own: two emulators cost a second.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from harness.admin import create_queue
from harness.embedded import EmbeddedStack
from harness.live import start_api, start_worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.endpoints import Endpoints
    from harness.processes import ManagedProcess


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line choose the stack."""
    parser.addoption(
        "--stack",
        choices=["embedded"],
        default="embedded",
        help="what integration tests run against: our emulator and Azurite, as processes",
    )


def pytest_report_header(config: pytest.Config) -> str:
    """Say which stack it is."""
    return f"stack: {config.getoption('stack')} (started when a test asks for it)"


@dataclass(frozen=True, slots=True)
class ServiceBus:
    """The Service Bus of the stack."""

    endpoints: Endpoints

    @property
    def connection_string(self) -> str:
        """For any Service Bus SDK."""
        return self.endpoints.service_bus_connection_string

    def create_queue(self, *, lock_seconds: int = 60, max_delivery_count: int = 10) -> str:
        """Create a queue that nobody else uses; its name."""
        name = f"queue-{uuid.uuid4().hex}"
        create_queue(
            self.endpoints, name, lock_seconds=lock_seconds, max_delivery_count=max_delivery_count
        )
        return name


@dataclass(frozen=True, slots=True)
class BlobStorage:
    """The storage account of the stack."""

    connection_string: str

    def unique_container(self) -> str:
        """A container's name that nobody else uses; whoever writes first creates it."""
        return f"container-{uuid.uuid4().hex}"


@dataclass(frozen=True, slots=True)
class RunningApp:
    """The product, as real processes on the stack."""

    url: str
    settings: dict[str, str]
    api: ManagedProcess
    worker: ManagedProcess


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[EmbeddedStack]:
    """The running stack."""
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    with EmbeddedStack(reporter.write_line if reporter else print) as stack:
        yield stack


@pytest.fixture(scope="session")
def servicebus(stack: EmbeddedStack) -> ServiceBus:
    """The Service Bus of the stack."""
    return ServiceBus(stack.endpoints)


@pytest.fixture(scope="session")
def blob_storage(stack: EmbeddedStack) -> BlobStorage:
    """The storage account of the stack."""
    return BlobStorage(stack.endpoints.blob_connection_string)


@pytest.fixture
def product_settings(
    stack: EmbeddedStack, servicebus: ServiceBus, blob_storage: BlobStorage
) -> dict[str, str]:
    """The product's settings, as environment variables, for a queue and a container of its own."""
    return stack.endpoints.settings(servicebus.create_queue(), blob_storage.unique_container())


@pytest.fixture(scope="session")
def running_app(
    stack: EmbeddedStack,
    servicebus: ServiceBus,
    blob_storage: BlobStorage,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningApp]:
    """An API and a worker, shared by all tests that leave them as they are."""
    queue, container = servicebus.create_queue(), blob_storage.unique_container()
    settings = stack.endpoints.settings(queue, container)
    folder = tmp_path_factory.mktemp("app")  # a person's `.env` is none of the tests' business
    with start_worker(settings, folder=folder) as worker:
        api, url = start_api(settings, folder=folder)
        with api:
            yield RunningApp(url, settings, api, worker)
