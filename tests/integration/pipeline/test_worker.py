"""The worker as README starts it, on each pool."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.live import start_api, start_worker
from harness.processes import ProcessDiedError
from harness.pytest_plugin import BlobStorage, ServiceBus
from harness.stack import Stack
from harness.waiting import wait_until
from queue_app.jobs import TASK_NAME
from tests.integration.jobs import ENDED, Client
from tests.integration.pools import POOLS


@pytest.fixture(scope="module")
def settings(
    stack: Stack, servicebus: ServiceBus, blob_storage: BlobStorage
) -> Iterator[dict[str, str]]:
    """Those of the API that `client` asks: workers come and go."""
    queue = servicebus.create_queue()
    yield stack.endpoints.settings(queue, blob_storage.unique_container())
    stack.entities.delete_queue(queue)


@pytest.fixture(scope="module")
def client(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    api, url = start_api(settings, folder=tmp_path_factory.mktemp("api"))
    with api, Client(url) as client:
        yield client


@pytest.mark.parametrize("pool", POOLS)
def test_a_job_runs_visibly_and_ctrl_c_ends_a_worker_after_the_job_that_runs(
    settings: dict[str, str], client: Client, tmp_path: Path, pool: str
) -> None:
    def running(body: bytes) -> str | None:
        """Enqueue a job and see it run, unless this machine is too slow to look in time."""
        task_id = client.enqueue(body)
        seen = client.wait_for(task_id, "STARTED", *ENDED)
        assert seen["status"] == "SUCCESS" or seen["result"] is None
        return task_id if seen["status"] == "STARTED" else None

    slow = settings | {"PROCESSING_DELAY_SECONDS": "1"}
    with start_worker(slow, options=(f"--pool={pool}",), folder=tmp_path) as worker:
        task_id = wait_until(lambda: running(b'{"a":1}'), "a job that runs")
        assert client.result(task_id) == {"processed": {"a": 1}}

        task_id = wait_until(lambda: running(b'{"b":2}'), "a job that runs")
        worker.interrupt()
        worker.wait()  # with 1: Celery calls a warm shutdown by Ctrl-C a failure
        assert client.result(task_id) == {"processed": {"b": 2}}
        assert "Traceback" not in worker.output


def test_an_exception_of_the_work_is_a_failure_and_an_idle_worker_ends_well_when_told_to(
    settings: dict[str, str], client: Client, tmp_path: Path
) -> None:
    with start_worker(
        settings,
        app="tests.integration.pipeline.failing_worker",
        options=("--loglevel=debug",),
        folder=tmp_path,
    ) as worker:
        answers = {
            text: client.wait_for(client.enqueue(b'{"say":"%s"}' % text.encode()), "FAILURE")
            for text in ("no luck", "é😀")
        }
        worker.terminate()
        assert worker.wait() == 0
        # Celery had none left to wait for.
        assert "The pool's processes have ended." in worker.output

    for text, answer in answers.items():
        assert answer["result"] == {"type": "ValueError", "message": text}


def test_messages_that_no_worker_can_run_are_dead_lettered_with_the_reason(
    product_settings: dict[str, str], servicebus: ServiceBus, tmp_path: Path
) -> None:
    from azure.servicebus import (  # noqa: PLC0415 - loaded by one test only
        ServiceBusClient,
        ServiceBusMessage,
        ServiceBusSubQueue,
    )

    queue = product_settings["SERVICE_BUS_QUEUE_NAME"]
    ours: dict[str | bytes, Any] = {"task": TASK_NAME, "id": "1"}
    nobodys: dict[str | bytes, Any] = {"task": "nobody.knows", "id": "2"}
    poison = [
        ServiceBusMessage(b"\xff not Celery", message_id="stranger"),
        ServiceBusMessage(b"[[", application_properties=ours, message_id="broken"),
        ServiceBusMessage(b"[{}]", application_properties=ours, message_id="no arguments"),
        ServiceBusMessage(
            b"[[], {}, {}]", application_properties=nobodys, message_id="unknown task"
        ),
    ]
    with (
        start_worker(product_settings, folder=tmp_path) as worker,
        ServiceBusClient.from_connection_string(servicebus.connection_string) as client,
    ):
        with client.get_queue_sender(queue) as sender:
            sender.send_messages(poison)
        dead: dict[str | None, tuple[str | None, str | None]] = {}
        with client.get_queue_receiver(queue, sub_queue=ServiceBusSubQueue.DEAD_LETTER) as receiver:
            while len(dead) < len(poison):
                found = receiver.receive_messages(len(poison), max_wait_time=60)
                assert found, f"only {list(dead)} came"
                for one in found:
                    told = one.dead_letter_reason, one.dead_letter_error_description
                    dead[one.message_id] = told
                    receiver.complete_message(one)
        assert worker.exit_code is None

    assert {name: reason for name, (reason, _) in dead.items()} == {
        "stranger": "NotACeleryMessage",
        "broken": "NotACeleryMessage",
        "no arguments": "NotACeleryMessage",
        "unknown task": "NotAccepted",
    }
    assert "no Celery properties" in str(dead["stranger"][1])
    assert "not JSON" in str(dead["broken"][1])
    assert "arguments" in str(dead["no arguments"][1])
    assert "nobody.knows" in str(dead["unknown task"][1])


@pytest.mark.parametrize("program", ["worker", "api"])
def test_a_missing_setting_is_one_readable_line(
    product_settings: dict[str, str], tmp_path: Path, program: str
) -> None:
    settings = product_settings | {"SERVICE_BUS_NAMESPACE": ""}

    start: Any = start_worker if program == "worker" else start_api

    with pytest.raises(ProcessDiedError, match=r"exit code [^0]") as error:
        start(settings, folder=tmp_path)

    _, *lines = str(error.value).splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("SERVICE_BUS_NAMESPACE: is missing")
