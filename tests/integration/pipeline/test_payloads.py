"""From the client through API, broker, worker and storage, and back."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from azure.storage.blob import ContainerClient
from hypothesis import given
from hypothesis import strategies as st

from harness.pytest_plugin import RunningApp, teller
from harness.waiting import wait_until
from queue_app.claim_check import MAX_INLINE_BYTES
from tests.integration.jobs import Client
from tests.property.profiles import through_the_pipeline
from tests.property.strategies import (
    bodies_of_size,
    body_of_size,
    identical,
    payload_bodies,
    sizes_around,
    unfaithful_bodies,
)

LIMIT = 262_144


@dataclass
class Counter:
    """What went through the whole pipeline, and came back as it was."""

    payloads: int = 0
    size: int = 0

    def add(self, body: bytes) -> None:
        self.payloads += 1
        self.size += len(body)


@pytest.fixture(scope="module")
def counter(request: pytest.FixtureRequest) -> Iterator[Counter]:
    """Count, and say at the end how many and how fast."""
    counted = Counter()
    began = time.monotonic()
    yield counted
    seconds = time.monotonic() - began
    teller(request.config)(
        f"\npipeline: {counted.payloads} payloads, {counted.size / 1e6:.1f} MB, in {seconds:.0f} s"
    )


@pytest.fixture(scope="module")
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{}", id="2 B"),
        pytest.param(body_of_size(10_240), id="10 KB"),
        pytest.param(body_of_size(200_000), id="200000 B of ASCII"),
        pytest.param(body_of_size(LIMIT), id="262144 B of ASCII"),
        pytest.param(body_of_size(LIMIT, "é"), id="262144 B of two-byte text"),
        pytest.param(body_of_size(LIMIT, "😀"), id="262144 B of four-byte text"),
        pytest.param(body_of_size(LIMIT, '\\"'), id="262144 B of escapes"),
    ],
)
def test_a_payload_of_any_size_arrives_and_comes_back(client: Client, body: bytes) -> None:
    assert client.result(client.enqueue(body)) == {"processed": json.loads(body)}


def test_one_byte_more_than_the_limit_is_refused_with_the_limit(client: Client) -> None:
    response = client.post(body_of_size(LIMIT + 1))

    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"
    assert "262144 bytes" in response.json()["detail"]


@through_the_pipeline()
@given(data=st.data(), size=sizes_around(MAX_INLINE_BYTES, LIMIT))
def test_at_every_edge_a_payload_arrives_or_is_refused(
    client: Client, counter: Counter, data: st.DataObject, size: int
) -> None:
    body, value = data.draw(bodies_of_size(size, LIMIT))
    if len(body) > LIMIT:
        assert client.post(body).status_code == 413
        return
    assert identical(client.result(client.enqueue(body)), {"processed": value})
    counter.add(body)


@through_the_pipeline()
@given(several=st.lists(payload_bodies(), min_size=1, max_size=16))
def test_any_object_arrives_as_it_was_sent(
    client: Client,
    counter: Counter,
    threads: ThreadPoolExecutor,
    several: list[tuple[bytes, dict[str, object]]],
) -> None:
    task_ids = list(threads.map(client.enqueue, [body for body, _ in several]))

    for task_id, (body, value) in zip(task_ids, several, strict=True):
        assert identical(client.result(task_id), {"processed": value})
        counter.add(body)


@through_the_pipeline()
@given(body=unfaithful_bodies())
def test_what_cannot_be_kept_is_refused_and_never_sent(client: Client, body: bytes) -> None:
    response = client.post(body)

    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"


def test_data_that_looks_like_an_encoded_type_stays_data(client: Client) -> None:
    body = b'{"__type__":"uuid","__value__":{"hex":"00000000000000000000000000000000"}}'

    assert client.result(client.enqueue(body)) == {"processed": json.loads(body)}


def test_a_claimed_payload_is_removed_when_the_task_has_ended(
    client: Client, running_app: RunningApp
) -> None:
    container = ContainerClient.from_connection_string(
        running_app.settings["AZURE_BLOB_CONNECTION_STRING"],
        running_app.settings["BLOB_CONTAINER_NAME"],
    )
    task_id = client.enqueue(body_of_size(LIMIT))
    client.result(task_id)

    def is_gone() -> bool:
        return not list(container.list_blob_names(name_starts_with=f"claims/{task_id}"))

    wait_until(is_gone, "the removal of the claim")
