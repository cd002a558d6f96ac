"""Plain http for the admin client, which insists on https even where an emulator has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from azure.core.pipeline.transport import RequestsTransport

if TYPE_CHECKING:
    from azure.core.pipeline.transport import HttpRequest, HttpResponse


class PlainHttpTransport(RequestsTransport):
    """Sends every request over http to the host and port that it names, never through a proxy."""

    def __init__(self) -> None:
        super().__init__(use_env_settings=False, connection_timeout=2, read_timeout=10)

    def send(self, request: HttpRequest, **options: Any) -> HttpResponse:  # type: ignore[override] # the base class also takes azure.core.rest requests
        """Send the request with its scheme replaced."""
        if request.url.startswith("https://"):
            request.url = "http://" + request.url.removeprefix("https://")
        return super().send(request, **options)
