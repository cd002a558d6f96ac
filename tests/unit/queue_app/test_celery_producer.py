from typing import TYPE_CHECKING, cast

import pytest

from celery_azure.errors import BusyError, UnreachableError
from queue_app.celery_producer import CeleryProducer
from queue_app.errors import BrokerUnavailable
from queue_app.producer import Payload
from queue_app.settings import Settings

if TYPE_CHECKING:
    from celery_azure.publisher import AsyncPublisher

SETTINGS = Settings.model_validate(
    {
        "service_bus_key_name": "RootManageSharedAccessKey",
        "service_bus_key": "SAS_KEY_VALUE",
        "service_bus_namespace": "localhost:5672",
        "service_bus_queue_name": "celery",
        "azure_blob_connection_string": "https://account.blob.core.windows.net",
        "service_bus_admin_port": 5300,
        "blob_container_name": "celery",
    }
)


class Refusing:
    """Stands for the publisher of a broker that takes nothing."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def publish(self, *_: object) -> None:
        raise self._error

    async def aclose(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(BusyError("busy", seconds=12.2), 13), (BusyError("busy", seconds=0), 1)],
)
async def test_a_broker_that_throttles_is_to_be_asked_again_when_it_says(
    error: Exception, seconds: int
) -> None:
    assert await _retry_after(error) == seconds


async def test_a_broker_that_is_out_of_reach_is_to_be_asked_again_soon() -> None:
    assert await _retry_after(UnreachableError("no answer")) == 5


async def _retry_after(error: Exception) -> int:
    producer = CeleryProducer(SETTINGS)
    producer._sends = cast("AsyncPublisher", Refusing(error))
    try:
        with pytest.raises(BrokerUnavailable) as caught:
            await producer.enqueue(Payload(b"{}", {}))
    finally:
        await producer.aclose()
    return caught.value.retry_after_seconds
