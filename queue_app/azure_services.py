"""The services on Azure: Celery on Service Bus, and Blob Storage."""

from queue_app.azure_blob_store import AzureBlobStore
from queue_app.azure_changes import AzureChanges
from queue_app.azure_dead_letters import AzureDeadLetters
from queue_app.azure_queue_counts import AzureQueueGauge
from queue_app.celery_producer import CeleryProducer
from queue_app.services import Services
from queue_app.settings import Settings


def azure_services(settings: Settings) -> Services:
    """Make them; each connects when it is first used."""
    return Services(
        CeleryProducer(settings),
        AzureBlobStore(settings),
        AzureDeadLetters(settings),
        AzureQueueGauge(settings),
        changes=AzureChanges(settings) if settings.tell_changes else None,
    )
