"""The snippets in Python of the documents, run as they stand there."""

from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from harness.waiting import wait_until
from servicebus_emulator import ThreadedEmulator
from tests.documents import snippets


def run(snippet: str, **names: Any) -> dict[str, Any]:
    exec(snippet, names)  # noqa: S102 - our own
    return names


def test_the_emulator_in_a_program() -> None:
    run(snippets("README.md", "python")[-1])


def test_a_fault_that_is_told_to_happen_twice() -> None:
    def send(emulator: ThreadedEmulator) -> None:
        with ServiceBusClient.from_connection_string(
            emulator.connection_string, retry_backoff_factor=0.01
        ) as client:
            client.get_queue_sender("orders").send_messages(ServiceBusMessage("tea"))

    snippet = snippets("docs/emulator-control.md", "python")[0]
    assert "..." in snippet

    run(snippet.replace("...", "send(emulator)"), send=send)


def test_the_sdk_and_its_administration_client_with_a_connection_string(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with ThreadedEmulator(queues=["orders"]) as emulator:
        emulator.write_certificate(Path("emulator.pem"))
        # Nobody else sends, so that it need not wait for more; on a slow machine once more.
        snippet = snippets("docs/emulator-languages.md", "python")[0].replace(
            "max_wait_time=5", "max_wait_time=0.5"
        )

        def has_taken_what_it_sent() -> bool:
            names = run(snippet, CONNECTION_STRING=emulator.connection_string)
            with names["admin"] as admin:
                assert [queue.name for queue in admin.list_queues()] == ["orders"]
                return bool(admin.get_queue_runtime_properties("orders").total_message_count == 0)

        wait_until(has_taken_what_it_sent, "a message that comes in time")
