"""What needs the admin API, and so the Manage right: creating, deleting and counting.

A transport that may only send and listen works without any of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from kombu.log import get_logger

if TYPE_CHECKING:
    from celery_azure.connection import ServiceBusEndpoint

logger = get_logger(__name__)


def create_queue(endpoint: ServiceBusEndpoint, name: str, lock_seconds: int) -> None:
    """Create a queue, if it is missing.

    Raises:
        AzureError: The rights do not allow it, or nobody answers.
    """
    try:
        with endpoint.administration_client() as client:
            client.create_queue(name, lock_duration=f"PT{lock_seconds}S")
    except ResourceExistsError:
        pass


def delete_queue(endpoint: ServiceBusEndpoint, name: str) -> None:
    """Delete a queue, if it is there and the rights allow to."""
    try:
        with endpoint.administration_client() as client:
            client.delete_queue(name)
    except ResourceNotFoundError:
        pass
    except AzureError as error:
        logger.warning("Queue %r cannot be deleted: %s", name, _first_line(error))


def queue_size(endpoint: ServiceBusEndpoint, name: str) -> int:
    """How many messages wait in a queue; 0 where the rights do not allow to ask."""
    try:
        with endpoint.administration_client() as client:
            return int(client.get_queue_runtime_properties(name).active_message_count or 0)
    except AzureError as error:
        logger.info("The size of queue %r is not known: %s", name, _first_line(error))
        return 0


def _first_line(error: BaseException) -> str:
    """What an Azure error says, without the lines of diagnosis behind it."""
    return (str(error).splitlines() or [type(error).__name__])[0]
