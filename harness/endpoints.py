"""Where the services of a stack are, as the product's settings name it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote


class SecretSettings(dict[str, str]):
    """Environment variables, some of which nobody is to see."""

    def __repr__(self) -> str:
        """Their names."""
        return f"{type(self).__name__}({', '.join(self)})"


@dataclass(frozen=True, slots=True)
class Endpoints:
    """A Service Bus namespace and a storage account.

    Attributes:
        namespace: `host:port` of an emulator, or the qualified name of a namespace in the cloud.
        admin_port: The port of an emulator's management API; None in the cloud, where it is https.
    """

    namespace: str
    admin_port: int | None
    key_name: str
    key: str = field(repr=False)  # pytest shows what a failed test was given
    blob_connection_string: str = field(repr=False)

    @property
    def is_emulator(self) -> bool:
        """Whether plain AMQP and http are spoken there."""
        return self.admin_port is not None

    @property
    def service_bus_connection_string(self) -> str:
        """For any Service Bus SDK."""
        emulator = "UseDevelopmentEmulator=true;" if self.is_emulator else ""
        return (
            f"Endpoint=sb://{self.namespace};SharedAccessKeyName={self.key_name};"
            f"SharedAccessKey={self.key};{emulator}"
        )

    @property
    def broker_url(self) -> str:
        """What to set as Celery's `broker_url`, with the transport of `celery_azure`."""
        identity = f"{quote(self.key_name, safe='')}:{quote(self.key, safe='')}"
        return f"azureservicebus://{identity}@{self.namespace}"

    def settings(self, queue: str, container: str = "celery") -> dict[str, str]:
        """The product's settings for a queue and a container of this stack.

        What a person has set beside them is blanked where it would lead elsewhere.
        """
        amqp_port = self.namespace.rpartition(":")[2]
        has_second_port = self.is_emulator and str(self.admin_port) != amqp_port
        return SecretSettings(
            SERVICE_BUS_KEY_NAME=self.key_name,
            SERVICE_BUS_KEY=self.key,
            SERVICE_BUS_NAMESPACE=self.namespace,
            SERVICE_BUS_QUEUE_NAME=queue,
            AZURE_BLOB_CONNECTION_STRING=self.blob_connection_string,
            SERVICE_BUS_ADMIN_PORT=str(self.admin_port) if has_second_port else "",
            BLOB_CONTAINER_NAME=container,
        )
