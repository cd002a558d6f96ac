"""Queues for tests, made through the management API as any client would."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from harness.endpoints import Endpoints

_ENTRY = (
    '<entry xmlns="http://www.w3.org/2005/Atom"><content type="application/xml">'
    '<QueueDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect">'
    "<LockDuration>PT{lock_seconds}S</LockDuration>"
    "<MaxDeliveryCount>{max_delivery_count}</MaxDeliveryCount>"
    "</QueueDescription></content></entry>"
)
_TOKEN_SECONDS = 300


def create_queue(
    endpoints: Endpoints, name: str, *, lock_seconds: int = 60, max_delivery_count: int = 10
) -> None:
    """Create a queue.

    Raises:
        urllib.error.HTTPError: The management API refuses.
    """
    host = endpoints.namespace.rpartition(":")[0]
    url = f"http://{host}:{endpoints.admin_port}/{quote(name)}?api-version=2021-05"
    entry = _ENTRY.format(lock_seconds=lock_seconds, max_delivery_count=max_delivery_count)
    request = urllib.request.Request(
        url,
        entry.encode(),
        {
            "Authorization": _token(url, endpoints.key_name, endpoints.key),
            "Content-Type": "application/atom+xml",
        },
        method="PUT",
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=10):
        pass


def _token(url: str, key_name: str, key: str) -> str:
    """A shared access signature for a resource.

    Source: https://learn.microsoft.com/rest/api/eventhub/generate-sas-token
    """
    resource = quote_plus(url)
    expiry = int(time.time()) + _TOKEN_SECONDS  # noqa: TID251 - tokens end by the clock
    digest = hmac.new(key.encode(), f"{resource}\n{expiry}".encode(), hashlib.sha256).digest()
    signature = quote_plus(base64.b64encode(digest))
    return f"SharedAccessSignature sr={resource}&sig={signature}&se={expiry}&skn={key_name}"
