"""The pytest plugin: a stack for tests that ask for one, started when the first of them runs.

    pytest --stack embedded|containers|azure

Installed with this package it serves any project: see docs/pytest-plugin.md. With pytest-xdist
every worker process has a stack of its own: two emulators cost a second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import pytest

from harness.stack import STACKS, StackUnavailableError, describe_stack, start_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.endpoints import Endpoints
    from harness.entities import Entities
    from harness.processes import ManagedProcess
    from harness.stack import Stack

EMBEDDED_ONLY = "embedded_only"
_MARKER = (
    f"{EMBEDDED_ONLY}: needs nothing of the stack, or what only our emulator has (its clock, "
    "faults, restarts), so it runs with the embedded stack only"
)
_CLIENTS = ("azure-servicebus", "azure-storage-blob", "celery", "kombu")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line choose the stack."""
    parser.addoption(
        "--stack",
        choices=STACKS,
        default="embedded",
        help="what integration tests run against: our emulator and Azurite as processes "
        "(embedded, the default), the official emulators in containers, or a real namespace and "
        "storage account on Azure (set the five variables; it costs money)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known; stop at once when the chosen stack cannot run here."""
    config.addinivalue_line("markers", _MARKER)
    name = config.getoption("stack")
    if name != "embedded" and not hasattr(config, "workerinput"):
        try:
            describe_stack(name)
        except StackUnavailableError as error:
            raise pytest.UsageError(f"--stack {name}: {error}") from None


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say which stack it is, which versions, and what it leaves out."""
    name = config.getoption("stack")
    lines = [f"stack: {describe_stack(name)}", f"clients: {', '.join(_client_versions())}"]
    if name != "embedded":
        lines.append(f"left out: tests marked {_MARKER}")
    return lines


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what the chosen stack cannot do."""
    if config.getoption("stack") == "embedded":
        return
    left_out = [item for item in items if item.get_closest_marker(EMBEDDED_ONLY)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker(EMBEDDED_ONLY)]


def _client_versions() -> Iterator[str]:
    for name in _CLIENTS:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            continue


@dataclass(frozen=True, slots=True)
class ServiceBus:
    """The Service Bus of the stack."""

    endpoints: Endpoints
    entities: Entities

    @property
    def connection_string(self) -> str:
        """For any Service Bus SDK."""
        return self.endpoints.service_bus_connection_string

    def create_queue(self, *, lock_seconds: int = 60, max_delivery_count: int = 10) -> str:
        """Create a queue that nobody else uses; its name."""
        return self.entities.create_queue(
            lock_seconds=lock_seconds, max_delivery_count=max_delivery_count
        )


@dataclass(frozen=True, slots=True)
class BlobStorage:
    """The storage account of the stack."""

    connection_string: str = field(repr=False)
    entities: Entities

    def unique_container(self) -> str:
        """A container's name that nobody else uses; whoever writes first creates it."""
        return self.entities.name_container()


@dataclass(frozen=True, slots=True)
class RunningApp:
    """The product, as real processes on the stack."""

    url: str
    settings: dict[str, str] = field(repr=False)
    api: ManagedProcess
    worker: ManagedProcess


def teller(config: pytest.Config) -> Callable[[str], None]:
    """What writes a line to the terminal, past pytest's capturing, also while a test runs."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capturing = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None or capturing is None:  # workers of pytest-xdist have no terminal
        return print

    def say(text: str) -> None:
        with capturing.global_and_fixture_disabled():
            reporter.write_line(text)

    return say


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """The running stack."""
    with start_stack(request.config.getoption("stack"), teller(request.config)) as stack:
        yield stack


@pytest.fixture(scope="session")
def servicebus(stack: Stack) -> ServiceBus:
    """The Service Bus of the stack."""
    return ServiceBus(stack.endpoints, stack.entities)


@pytest.fixture(scope="session")
def blob_storage(stack: Stack) -> BlobStorage:
    """The storage account of the stack."""
    return BlobStorage(stack.endpoints.blob_connection_string, stack.entities)


@pytest.fixture
def product_settings(
    stack: Stack, servicebus: ServiceBus, blob_storage: BlobStorage
) -> Iterator[dict[str, str]]:
    """The product's settings, as environment variables, for a queue and a container of its own."""
    queue = servicebus.create_queue()
    yield stack.endpoints.settings(queue, blob_storage.unique_container())
    stack.entities.delete_queue(queue)  # an official emulator has room for fifty


@pytest.fixture(scope="session")
def running_app(
    stack: Stack,
    servicebus: ServiceBus,
    blob_storage: BlobStorage,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningApp]:
    """An API and a worker, shared by all tests that leave them as they are."""
    from harness.live import start_product  # noqa: PLC0415 - only the product needs it

    queue, container = servicebus.create_queue(), blob_storage.unique_container()
    settings = stack.endpoints.settings(queue, container)
    folder = tmp_path_factory.mktemp("app")  # a person's `.env` is none of the tests' business
    worker, api, url = start_product(settings, folder=folder)
    with worker, api:
        yield RunningApp(url, settings, api, worker)
