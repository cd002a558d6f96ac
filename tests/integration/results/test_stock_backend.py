"""Results of Celery's own backend on Blob Storage, for projects that change to ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from celery import Celery, states
from celery.backends.azureblockblob import AzureBlockBlobBackend

from celery_azure.results import BlobBackend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.pytest_plugin import BlobStorage

RESULT = {"sum": 649, "é": [1.5, None]}


@pytest.fixture
def app(blob_storage: BlobStorage) -> Celery:
    container = blob_storage.unique_container()
    app = Celery("change", set_as_current=False)
    app.conf.update(
        azureblockblob_container_name=container,
        result_backend_transport_options={
            "account": blob_storage.connection_string,
            "container": container,
            "started_after": 0,
        },
    )
    return app


@pytest.fixture
def stock(app: Celery, blob_storage: BlobStorage) -> Iterator[Any]:
    backend = AzureBlockBlobBackend(f"azureblockblob://{blob_storage.connection_string}", app=app)
    yield backend
    backend._blob_service_client.close()


@pytest.fixture
def ours(app: Celery) -> Iterator[BlobBackend]:
    backend = BlobBackend(app=app)
    yield backend
    backend.close()


def test_each_reads_what_the_other_has_stored(stock: Any, ours: BlobBackend) -> None:
    stock.store_result("a", RESULT, states.SUCCESS)
    assert (ours.get_state("a"), ours.get_result("a")) == (states.SUCCESS, RESULT)
    ours.store_result("b", ValueError("negative"), states.FAILURE)
    assert stock.get_state("b") == states.FAILURE
    assert repr(stock.get_result("b")) == "ValueError('negative')"


def test_ours_goes_on_where_the_other_has_begun(stock: Any, ours: BlobBackend) -> None:
    stock.store_result("a", None, states.STARTED)
    ours.store_result("a", RESULT, states.SUCCESS)
    assert (stock.get_state("a"), stock.get_result("a")) == (states.SUCCESS, RESULT)
    ours.store_result("a", None, states.STARTED)
    assert stock.get_state("a") == states.SUCCESS
