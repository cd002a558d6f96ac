from typing import Any

import pytest

from queue_app.claim_check import ClaimStore
from queue_app.errors import NotAClaim
from queue_app.settings import Settings
from tests.unit.celery_azure.in_memory_blobs import InMemoryBlobs

SETTINGS = Settings.model_validate(
    {
        "service_bus_namespace": "ns",
        "service_bus_queue_name": "jobs",
        "azure_blob_connection_string": "https://account.blob.core.windows.net",
    }
)


@pytest.fixture
def blobs() -> InMemoryBlobs:
    return InMemoryBlobs()


@pytest.fixture
def store(blobs: InMemoryBlobs, monkeypatch: pytest.MonkeyPatch) -> ClaimStore:
    made: Any = lambda *_: blobs  # noqa: E731
    monkeypatch.setattr("queue_app.claim_check.BlobContainer", made)
    return ClaimStore(SETTINGS, None)  # type: ignore[arg-type] # nobody waits here


def test_a_payload_is_kept_until_it_is_discarded(store: ClaimStore, blobs: InMemoryBlobs) -> None:
    claim = store.deposit("a-task", b"{}")
    assert store.redeem(claim) == b"{}"
    store.discard(claim)
    assert store.redeem(claim) is None
    assert blobs.blobs == {}


@pytest.mark.parametrize(
    "claim",
    [
        "celery-task-meta-1",
        "logs/a.log",
        "claims/a",
        "claims/../celery-task-meta-1.json",
        "claims/.json",
        "a.json",
        "",
    ],
)
def test_a_message_cannot_have_other_blobs_read_or_removed(
    store: ClaimStore, blobs: InMemoryBlobs, claim: str
) -> None:
    blobs.put(claim, b"a secret")
    for use in (store.redeem, store.discard):
        with pytest.raises(NotAClaim):
            use(claim)
    assert claim in blobs.blobs
    assert blobs.asked == []
