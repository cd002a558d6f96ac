"""kombu's own transport for Service Bus, with the least that lets it reach an emulator.

kombu appends `.servicebus.windows.net` to every host and insists on https (kombu issue 2370). What
sends, receives and settles is kombu's code, untouched: this is what we are measured against.

`broker_transport_options = {"connection_string": ...}`; the `broker_url` can be any.
"""

from __future__ import annotations

from typing import Any

from azure.servicebus import ServiceBusClient
from azure.servicebus.management import ServiceBusAdministrationClient
from kombu.transport import azureservicebus
from kombu.utils.objects import cached_property

from celery_azure.plain_http import PlainHttpTransport


class Channel(azureservicebus.Channel):  # type: ignore[misc] # kombu publishes no types
    """kombu's channel, with clients for an emulator."""

    def _try_parse_connection_string(self) -> None:
        self._connection_string = self.transport_options["connection_string"]

    @cached_property  # type: ignore[untyped-decorator]
    def queue_service(self) -> ServiceBusClient:
        """A client for messages, as kombu configures it."""
        return ServiceBusClient.from_connection_string(
            self._connection_string,
            retry_total=self.retry_total,
            retry_backoff_factor=self.retry_backoff_factor,
            retry_backoff_max=self.retry_backoff_max,
        )

    @cached_property  # type: ignore[untyped-decorator]
    def queue_mgmt_service(self) -> ServiceBusAdministrationClient:
        """A client for creating queues, over plain http."""
        return ServiceBusAdministrationClient.from_connection_string(
            self._connection_string, transport=PlainHttpTransport()
        )


class Transport(azureservicebus.Transport):  # type: ignore[misc] # kombu publishes no types
    """kombu's transport."""

    Channel = Channel
    can_parse_url = False

    @classmethod
    def as_uri(cls, uri: str, **_: Any) -> str:
        """What logs show; kombu would look for a namespace in it."""
        return uri
