"""Where the services of a stack are, as the product's settings name it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoints:
    """A Service Bus namespace and a storage account.

    Attributes:
        namespace: `host:port` of an emulator.
        admin_port: The port of its management API.
    """

    namespace: str
    admin_port: int
    key_name: str
    key: str
    blob_connection_string: str

    @property
    def service_bus_connection_string(self) -> str:
        """For any Service Bus SDK."""
        return (
            f"Endpoint=sb://{self.namespace};SharedAccessKeyName={self.key_name};"
            f"SharedAccessKey={self.key};UseDevelopmentEmulator=true;"
        )

    def settings(self, queue: str, container: str = "celery") -> dict[str, str]:
        """The product's settings for a queue and a container of this stack.

        What a person has set beside them is blanked where it would lead elsewhere.
        """
        return {
            "SERVICE_BUS_KEY_NAME": self.key_name,
            "SERVICE_BUS_KEY": self.key,
            "SERVICE_BUS_NAMESPACE": self.namespace,
            "SERVICE_BUS_QUEUE_NAME": queue,
            "AZURE_BLOB_CONNECTION_STRING": self.blob_connection_string,
            "SERVICE_BUS_ADMIN_PORT": "",
            "BLOB_CONTAINER_NAME": container,
        }
