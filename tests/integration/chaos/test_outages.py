"""What dies, comes back, and what was accepted is still done."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from harness.embedded import start_emulator
from harness.endpoints import Endpoints
from harness.live import start_api, start_product, start_worker
from harness.processes import start_both
from harness.storage import Azurite, connection_string
from harness.waiting import wait_until
from servicebus_emulator import OffsetClock, ThreadedEmulator
from tests.integration.jobs import Client
from tests.integration.pools import POOLS
from tests.integration.ports import closed_port
from tests.property.strategies import body_of_size

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.pytest_plugin import BlobStorage

QUEUE = "jobs"
LONG = "600"  # seconds: as good as for ever
PATIENCE = 15.0  # seconds: three times what is promised, as a machine may be slow


def endpoints_of(emulator: ThreadedEmulator, blobs: str) -> Endpoints:
    port = emulator.port
    return Endpoints(f"127.0.0.1:{port}", port, "RootManageSharedAccessKey", "SAS_KEY_VALUE", blobs)


def at_once(*requests: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Make requests at the same time, as each may wait as long as is promised."""
    with ThreadPoolExecutor(len(requests)) as threads:
        return [future.result() for future in [threads.submit(one) for one in requests]]


def assert_unavailable(response: httpx.Response, component: str) -> None:
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert int(response.headers["retry-after"]) > 0
    assert response.json()["component"] == component


def messages_in(emulator: ThreadedEmulator) -> int:
    return emulator.run(
        lambda running: running.namespace.get_queue(QUEUE).counts(running.clock.now()).total
    )


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_killed_in_the_middle_of_a_task_loses_nothing(
    blob_storage: BlobStorage, tmp_path: Path, pool: str
) -> None:
    clock = OffsetClock()
    options = (f"--pool={pool}",)
    with ThreadedEmulator(queues=[QUEUE], clock=clock) as emulator:
        place = endpoints_of(emulator, blob_storage.connection_string)
        settings = place.settings(QUEUE, blob_storage.unique_container())
        slow = settings | {"PROCESSING_DELAY_SECONDS": LONG}
        (worker, _), (api, url) = start_both(
            lambda: (start_worker(slow, options=options, folder=tmp_path), None),
            lambda: start_api(settings, folder=tmp_path),
        )
        with api, Client(url) as client:
            with worker:
                small = client.enqueue(b'{"small":1}')
                client.wait_for(small, "STARTED")
                worker.kill()
            big_body = body_of_size(262_144)
            big = client.enqueue(big_body)
            clock.advance(61)  # the dead worker's lock ends

            with start_worker(settings, options=options, folder=tmp_path):
                assert client.result(small) == {"processed": {"small": 1}}
                assert client.result(big) == {"processed": json.loads(big_body)}
                wait_until(lambda: messages_in(emulator) == 0, "the settlement of all messages")


def test_a_task_longer_than_its_lock_runs_once(blob_storage: BlobStorage, tmp_path: Path) -> None:
    with ThreadedEmulator() as emulator:
        emulator.create_queue(QUEUE, lock_duration=4.0)
        place = endpoints_of(emulator, blob_storage.connection_string)
        settings = place.settings(QUEUE, blob_storage.unique_container())
        slow = settings | {"PROCESSING_DELAY_SECONDS": "6"}
        worker, api, url = start_product(slow, folder=tmp_path)
        with api, worker, Client(url) as client:
            task_id = client.enqueue(b"{}")
            client.wait_for(task_id, "STARTED")
            with start_worker(slow, folder=tmp_path) as other:  # in time to take what is not locked
                client.result(task_id)
            wait_until(lambda: messages_in(emulator) == 0, "the settlement of the message")

            worker.wait_for_line(r"\] received")
            received = (worker.output + other.output).count("] received")
            assert received == 1


def test_a_restarted_broker_is_found_again_by_api_and_worker(
    blob_storage: BlobStorage, tmp_path: Path
) -> None:
    emulator, place = start_emulator(queues=(QUEUE,))
    with emulator:
        port = int(place.namespace.rpartition(":")[2])
        there = Endpoints(
            place.namespace, port, place.key_name, place.key, blob_storage.connection_string
        )
        settings = there.settings(QUEUE, blob_storage.unique_container())
        worker, api, url = start_product(settings, folder=tmp_path)
        with api, worker, Client(url) as client:
            client.result(client.enqueue(b'{"before":1}'))
            client.http.timeout = httpx.Timeout(PATIENCE)
            emulator.kill()

            small, large, ready = at_once(
                lambda: client.post(b'{"during":1}'),
                lambda: client.post(body_of_size(262_144)),
                lambda: client.http.get("/readyz"),
            )
            assert_unavailable(small, "broker")
            assert_unavailable(large, "broker")
            assert ready.status_code == 503
            assert "broker" in ready.text
            assert client.http.get("/healthz").status_code == 200

            restarted, _ = start_emulator(port, queues=(QUEUE,))
            with restarted:

                def accept() -> httpx.Response | None:
                    answer = client.post(b'{"after":1}')
                    return answer if answer.status_code == 200 else None

                accepted = wait_until(accept, "a broker that accepts again")
                task_id = accepted.json()["task_id"]
                assert client.result(task_id) == {"processed": {"after": 1}}
                assert "Traceback" not in worker.output


def test_a_storage_outage_delays_results_and_loses_none(tmp_path: Path) -> None:
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    azurite = Azurite(print, folder=blobs)
    port = azurite.port
    with azurite.process, ThreadedEmulator(queues=[QUEUE]) as emulator:
        settings = endpoints_of(emulator, azurite.connection_string).settings(QUEUE)
        worker, api, url = start_product(settings, folder=tmp_path)
        with api, worker, Client(url) as client:
            before = client.enqueue(b'{"before":1}')
            client.result(before)
            client.http.timeout = httpx.Timeout(PATIENCE)
            azurite.process.stop()

            assert client.result(before) == {"processed": {"before": 1}}  # known, and it stays so
            status, large, ready = at_once(
                lambda: client.http.get(f"/status/{uuid.uuid4()}"),
                lambda: client.post(body_of_size(262_144)),
                lambda: client.http.get("/readyz"),
            )
            assert_unavailable(status, "storage")
            assert_unavailable(large, "storage")
            assert ready.status_code == 503
            assert "storage" in ready.text
            during = [client.enqueue(b'{"during":%d}' % n) for n in range(8)]  # the broker suffices
            worker.wait_for_line("Blob Storage cannot be reached")

            with Azurite(print, folder=blobs, port=port).process:
                results = [client.result(task_id) for task_id in during]
                assert results == [{"processed": {"during": n}} for n in range(8)]
                assert client.result(before) == {"processed": {"before": 1}}
                wait_until(lambda: messages_in(emulator) == 0, "the settlement of all messages")
                assert "Traceback" not in worker.output


def test_api_and_worker_start_before_broker_and_storage(tmp_path: Path) -> None:
    ports = ExitStack()
    broker_port, blob_port = (ports.enter_context(closed_port()) for _ in range(2))
    place = Endpoints(
        f"127.0.0.1:{broker_port}",
        broker_port,
        "RootManageSharedAccessKey",
        "SAS_KEY_VALUE",
        connection_string(blob_port),
    )
    settings = place.settings(QUEUE)
    worker, api, url = start_product(settings, folder=tmp_path, until_ready=False)
    with ports, api, worker, Client(url) as client:
        client.http.timeout = httpx.Timeout(PATIENCE)
        assert client.http.get("/").json() == {"message": "Hello World"}
        assert client.http.get("/healthz").status_code == 200
        ready, posted = at_once(lambda: client.http.get("/readyz"), lambda: client.post(b"{}"))
        assert ready.status_code == 503
        assert "broker" in ready.text
        assert "storage" in ready.text
        assert_unavailable(posted, "broker")

        ports.close()
        (emulator, _), (azurite, _) = start_both(
            lambda: start_emulator(broker_port, queues=(QUEUE,)),
            lambda: (Azurite(print, port=blob_port).process, None),
        )
        with emulator, azurite:
            wait_until(
                lambda: client.http.get("/readyz").status_code == 200,
                "a system that is ready",
            )
            assert client.result(client.enqueue(b"{}")) == {"processed": {}}
