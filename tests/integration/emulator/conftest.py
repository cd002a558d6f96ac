"""One emulator, one client and, as long as nobody leaves anything in it, one queue per module."""

import contextlib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient
from azure.servicebus.management import ServiceBusAdministrationClient

from servicebus_emulator import OffsetClock, ServiceBusEmulator, ThreadedEmulator
from tests.integration.emulator.line import Line

QueueMaker = Callable[..., str]
LineMaker = Callable[..., Line]


@pytest.fixture(scope="module")
def clock() -> OffsetClock:
    return OffsetClock()


@pytest.fixture(scope="module")
def emulator(clock: OffsetClock) -> Iterator[ThreadedEmulator]:
    with ThreadedEmulator(clock=clock) as emulator:
        yield emulator


@pytest.fixture(scope="module")
def make_queue(emulator: ThreadedEmulator) -> QueueMaker:
    """Create a queue with the given properties; gives its name."""

    def make(**properties: object) -> str:
        name = f"queue-{uuid.uuid4().hex}"
        emulator.create_queue(name, **properties)
        return name

    return make


@pytest.fixture
def queue(make_queue: QueueMaker) -> str:
    return make_queue()


@pytest.fixture(scope="module")
def client(emulator: ThreadedEmulator) -> Iterator[ServiceBusClient]:
    """A client that fails at once instead of trying again."""
    with ServiceBusClient.from_connection_string(
        emulator.connection_string, retry_total=0
    ) as client:
        yield client


@pytest.fixture(scope="module")
def open_line(client: ServiceBusClient, make_queue: QueueMaker) -> Iterator[LineMaker]:
    """Open a line to a new queue with the given properties."""
    with contextlib.ExitStack() as stack:

        def open_it(**properties: object) -> Line:
            queue = make_queue(**properties)
            sender = stack.enter_context(client.get_queue_sender(queue))
            receiver = stack.enter_context(client.get_queue_receiver(queue))
            return Line(queue, sender, receiver)

        yield open_it


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return []


@pytest.fixture
def line(lines: list[Line], open_line: LineMaker, emulator: ThreadedEmulator) -> Line:
    """A line to an empty queue, the last test's if that took all of its messages."""

    def is_empty(line: Line) -> bool:
        def count(emulator: ServiceBusEmulator) -> int:
            return emulator.namespace.get_queue(line.queue).counts(emulator.clock.now()).total

        return emulator.run(count) == 0

    if not (lines and is_empty(lines[-1])):
        lines.append(open_line())
    return lines[-1]


@pytest.fixture(scope="module")
def certificate(emulator: ThreadedEmulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("certificate") / "emulator.pem"
    emulator.write_certificate(path)
    return path


@pytest.fixture(scope="module")
def admin(
    emulator: ThreadedEmulator, certificate: Path
) -> Iterator[ServiceBusAdministrationClient]:
    with ServiceBusAdministrationClient.from_connection_string(
        emulator.connection_string, connection_verify=str(certificate)
    ) as admin:
        yield admin
