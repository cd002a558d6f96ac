import socket
import sys
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.storage.blob import BlobServiceClient

from harness.embedded import EmbeddedStack
from harness.environment import ROOT
from harness.processes import ManagedProcess, ProcessDiedError
from harness.pytest_plugin import BlobStorage, ServiceBus
from harness.storage import Azurite


def ignore(_: str) -> None:
    """Nobody waits."""


def test_a_message_comes_back_from_a_queue_of_its_own(servicebus: ServiceBus) -> None:
    queue = servicebus.create_queue()
    with (
        ServiceBusClient.from_connection_string(servicebus.connection_string) as client,
        client.get_queue_sender(queue) as sender,
        client.get_queue_receiver(queue, max_wait_time=10) as receiver,
    ):
        sender.send_messages(ServiceBusMessage(b"hello"))
        message = next(iter(receiver))
        assert b"".join(message.body) == b"hello"
        receiver.complete_message(message)


def test_no_two_queues_have_one_name(servicebus: ServiceBus) -> None:
    assert servicebus.create_queue() != servicebus.create_queue()


def test_a_blob_comes_back(blob_storage: BlobStorage) -> None:
    with BlobServiceClient.from_connection_string(blob_storage.connection_string) as client:
        container = client.create_container(blob_storage.unique_container())
        container.upload_blob("greeting", b"hello")
        assert container.download_blob("greeting").readall() == b"hello"


def test_azurite_keeps_blobs_in_a_folder_when_it_starts_again_on_its_port(tmp_path: Path) -> None:
    first = Azurite(ignore, folder=tmp_path)
    with (
        first.process,
        BlobServiceClient.from_connection_string(first.connection_string) as client,
    ):
        client.create_container("kept").upload_blob("greeting", b"hello")

    second = Azurite(ignore, folder=tmp_path, port=first.port)
    with (
        second.process,
        BlobServiceClient.from_connection_string(first.connection_string) as client,
    ):
        blob = client.get_blob_client("kept", "greeting")
        assert blob.download_blob().readall() == b"hello"


def test_a_taken_port_of_azurite_is_an_error_at_once() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ProcessDiedError, match=r"azurite ended with exit code"),
    ):
        Azurite(ignore, port=taken.getsockname()[1])


def test_nothing_of_a_stack_is_left_when_it_stops() -> None:
    with EmbeddedStack(ignore) as stack:
        assert [process.exit_code for process in stack.processes] == [None, None]
    assert None not in [process.exit_code for process in stack.processes]


def test_the_harness_does_not_load_the_product() -> None:
    code = (
        "import sys, harness.__main__, harness.pytest_plugin;"
        "print([name for name in sys.modules if name.startswith(('queue_app', 'celery'))])"
    )
    with ManagedProcess("python", [sys.executable, "-c", code], folder=ROOT) as process:
        assert process.wait() == 0
        assert process.output == "[]"
