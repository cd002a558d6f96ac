"""Plain http for the admin client, which insists on https even where an emulator has none."""

from __future__ import annotations

from typing import Any

from azure.core.pipeline.transport import RequestsTransport


class PlainHttpTransport(RequestsTransport):  # type: ignore[misc] # azure.core hides its type
    """Sends every request over http to the host and port that it names, never through a proxy."""

    def __init__(self) -> None:
        super().__init__(use_env_settings=False, connection_timeout=2, read_timeout=10)

    def send(self, request: Any, **options: Any) -> Any:
        """Send the request with its scheme replaced."""
        if request.url.startswith("https://"):
            request.url = "http://" + request.url.removeprefix("https://")
        return super().send(request, **options)
