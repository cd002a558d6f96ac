"""Changes of tasks on Azure: what the workers append beside the states that they write."""

from celery_azure.blobs import API_PATIENCE, AsyncBlobContainer
from celery_azure.changes import ChangeListener
from queue_app.azure_blob_store import in_time
from queue_app.settings import Settings


class AzureChanges:
    """Hears of changes; connects when it is first used."""

    def __init__(self, settings: Settings) -> None:
        self._listener = ChangeListener(
            AsyncBlobContainer(settings.blob_account, settings.blob_container_name, API_PATIENCE)
        )

    async def hear(self) -> set[str]:
        """Return the ids of tasks that may have changed since the last call."""
        return await in_time(self._listener.hear())

    async def aclose(self) -> None:
        """Close connections; may be called twice."""
        self._listener.close()
