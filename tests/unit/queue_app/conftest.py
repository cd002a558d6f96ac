import pytest

from queue_app.settings import Settings

LIMIT = 1000


@pytest.fixture
def settings() -> Settings:
    return Settings.model_validate(
        {
            "service_bus_key_name": "RootManageSharedAccessKey",
            "service_bus_key": "SAS_KEY_VALUE",
            "service_bus_namespace": "localhost:5672",
            "service_bus_queue_name": "celery",
            "azure_blob_connection_string": "https://account.blob.core.windows.net",
            "service_bus_admin_port": 5300,
            "blob_container_name": "celery",
            "max_payload_bytes": LIMIT,
            "processing_delay_seconds": 0,
        }
    )
