"""The azure stack: a real namespace and storage account, for a run that someone asks for.

It takes the product's five variables, makes queues and containers with names of its own, and
deletes them all. A queue that a crash leaves removes itself after an hour without use.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from harness.admin import HttpAdmin
from harness.endpoints import Endpoints
from harness.entities import Entities
from harness.environment import product_settings
from harness.stack import StackUnavailableError
from harness.stopping import Stopping

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.entities import Admin

VARIABLES = (
    "SERVICE_BUS_KEY_NAME",
    "SERVICE_BUS_KEY",
    "SERVICE_BUS_NAMESPACE",
    "SERVICE_BUS_QUEUE_NAME",
    "AZURE_BLOB_CONNECTION_STRING",
)
_CLOUD_SUFFIX = ".servicebus.windows.net"
_IDLE_MINUTES = 60
_COST = (
    "a run makes some 20,000 Service Bus and 20,000 storage operations, about 0.15 USD at list "
    "prices, besides what the namespace costs by the hour"
)


def read_endpoints(settings: Mapping[str, str]) -> Endpoints:
    """Read the five variables.

    Raises:
        StackUnavailableError: Some are missing, or they name an emulator.
    """
    missing = [name for name in VARIABLES if not settings.get(name)]
    if missing:
        raise StackUnavailableError(f"set {', '.join(missing)}")
    namespace = settings["SERVICE_BUS_NAMESPACE"].removesuffix("/")
    blobs = settings["AZURE_BLOB_CONNECTION_STRING"]
    if ":" in namespace:
        raise StackUnavailableError("SERVICE_BUS_NAMESPACE names an emulator (it has a port)")
    if "usedevelopmentstorage" in blobs.lower() or "devstoreaccount1" in blobs.lower():
        raise StackUnavailableError("AZURE_BLOB_CONNECTION_STRING names Azurite")
    qualified = namespace if "." in namespace else namespace + _CLOUD_SUFFIX
    return Endpoints(
        qualified, None, settings["SERVICE_BUS_KEY_NAME"], settings["SERVICE_BUS_KEY"], blobs
    )


def describe(settings: Mapping[str, str] | None = None) -> str:
    """One line for the header of a test run; connects to nothing.

    Raises:
        StackUnavailableError: The variables are not those of a namespace and an account.
    """
    endpoints = read_endpoints(product_settings() if settings is None else settings)
    return f"azure: {endpoints.namespace}; {_COST}"


class AzureStack(Stopping):
    """A namespace and an account that are there already.

    Args:
        settings: The five variables; None for those of the environment. The key needs the Manage
            right. `SERVICE_BUS_QUEUE_NAME` begins the names of queues; the queue is not touched.
        admin: What makes and deletes; None for the management API.

    Raises:
        StackUnavailableError: They are not those of a namespace and an account.
    """

    def __init__(
        self, settings: Mapping[str, str] | None = None, admin: Admin | None = None
    ) -> None:
        chosen = product_settings() if settings is None else settings
        self.endpoints = read_endpoints(chosen)
        self.run = uuid.uuid4().hex[:8]
        self.entities = Entities(
            admin or HttpAdmin(self.endpoints),
            f"test-{self.run}",
            queue_prefix=f"{chosen['SERVICE_BUS_QUEUE_NAME']}-test-{self.run}",
            idle_minutes=_IDLE_MINUTES,
        )

    def stop(self) -> None:
        """Delete everything that this run has made.

        Raises:
            ExceptionGroup: Something could not be deleted; it says what.
        """
        self.entities.delete_all()
