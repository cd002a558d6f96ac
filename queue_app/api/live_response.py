"""Answers that go on for long, to many clients at a time."""

from collections.abc import AsyncIterator, Mapping

from starlette.responses import StreamingResponse
from starlette.types import Scope, Send

DIRECT_SEND = "queue_app.direct_send"
"""In the scope: the server's `send`, past the layers that only look at how an answer begins."""


class LiveResponse(StreamingResponse):
    """A stream whose parts go straight to the server; its beginning and its end pass every layer.

    Args:
        scope: of the request.
        parts: the body.
        media_type: its type.
        headers: more headers.
    """

    def __init__(
        self,
        scope: Scope,
        parts: AsyncIterator[bytes],
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(parts, headers=headers, media_type=media_type)
        self._parts = parts
        self._direct: Send | None = scope.get(DIRECT_SEND)

    async def stream_response(self, send: Send) -> None:
        """Send everything."""
        direct = self._direct or send
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        async for part in self._parts:
            await direct({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
