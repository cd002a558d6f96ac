"""Queues for tests, made and removed through the management API as any client would."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from harness.endpoints import Endpoints

_ENTRY = (
    '<entry xmlns="http://www.w3.org/2005/Atom"><content type="application/xml">'
    '<QueueDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect">'
    "<LockDuration>PT{lock_seconds}S</LockDuration>"
    "{sessions}"
    "<DefaultMessageTimeToLive>PT1H</DefaultMessageTimeToLive>"  # the official emulator's longest
    "<MaxDeliveryCount>{max_delivery_count}</MaxDeliveryCount>"
    "{auto_delete}"
    "</QueueDescription></content></entry>"
)
_AUTO_DELETE = "<AutoDeleteOnIdle>PT{minutes}M</AutoDeleteOnIdle>"
_TOKEN_SECONDS = 300
_TIMEOUT = 10


class HttpAdmin:
    """Makes and removes what tests need; each call is one request.

    Args:
        endpoints: Where; the key needs the Manage right.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def create_queue(
        self,
        name: str,
        *,
        lock_seconds: int = 60,
        max_delivery_count: int = 10,
        idle_minutes: int | None = None,
        requires_session: bool = False,
    ) -> None:
        """Create a queue.

        Args:
            name: What it is called.
            lock_seconds: How long a message is locked for its receiver.
            max_delivery_count: How often a message is delivered before it is dead-lettered.
            idle_minutes: Remove it after so long without use; None for never.
            requires_session: Its messages are of sessions, and received by these.

        Raises:
            urllib.error.HTTPError: The management API refuses.
        """
        entry = _ENTRY.format(
            lock_seconds=lock_seconds,
            sessions="<RequiresSession>true</RequiresSession>" if requires_session else "",
            max_delivery_count=max_delivery_count,
            auto_delete="" if idle_minutes is None else _AUTO_DELETE.format(minutes=idle_minutes),
        )
        self._request("PUT", name, entry.encode())

    def delete_queue(self, name: str) -> None:
        """Delete a queue and what is in it, if it is there.

        Raises:
            urllib.error.HTTPError: The management API refuses.
        """
        try:
            self._request("DELETE", name)
        except urllib.error.HTTPError as error:
            if error.code != HTTPStatus.NOT_FOUND:
                raise

    def delete_container(self, name: str) -> None:
        """Delete a container and its blobs, if it is there.

        Raises:
            azure.core.exceptions.AzureError: The storage refuses.
        """
        from azure.core.exceptions import (  # noqa: PLC0415 - loaded when something is deleted
            ResourceNotFoundError,
        )
        from azure.storage.blob import ContainerClient  # noqa: PLC0415

        account = self._endpoints.blob_connection_string
        with (
            ContainerClient.from_connection_string(account, name) as container,
            contextlib.suppress(ResourceNotFoundError),
        ):
            container.delete_container()

    def _request(self, method: str, name: str, body: bytes | None = None) -> None:
        endpoints = self._endpoints
        url = f"{_base(endpoints)}/{quote(name)}?api-version=2021-05"
        request = urllib.request.Request(  # noqa: S310 - http or https, as _base says
            url,
            body,
            {
                "Authorization": shared_access_signature(url, endpoints.key_name, endpoints.key),
                "Content-Type": "application/atom+xml",
            },
            method=method,
        )
        # Emulators are on this machine; the cloud may be behind a proxy.
        proxies = [urllib.request.ProxyHandler({})] if endpoints.is_emulator else []
        try:
            urllib.request.build_opener(*proxies).open(request, timeout=_TIMEOUT).close()
        except urllib.error.HTTPError as error:
            error.close()  # it holds the connection
            if error.code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                error.add_note("The key needs the Manage right.")
            raise


def _base(endpoints: Endpoints) -> str:
    if not endpoints.is_emulator:
        return f"https://{endpoints.namespace}"
    host = endpoints.namespace.rpartition(":")[0]
    return f"http://{host}:{endpoints.admin_port}"


def shared_access_signature(url: str, key_name: str, key: str) -> str:
    """A shared access signature for a resource.

    Source: https://learn.microsoft.com/rest/api/eventhub/generate-sas-token
    """
    resource = quote_plus(url)
    expiry = int(time.time()) + _TOKEN_SECONDS  # noqa: TID251 - tokens end by the clock
    digest = hmac.new(key.encode(), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = quote_plus(base64.b64encode(digest))
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={key_name}"
