"""How values become bodies: one encoder for every JSON answer."""

from collections.abc import Iterable
from typing import Any

from fastapi.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from queue_app.api.one_write import WRITER
from queue_app.payload import encode_json

JSON = b"application/json"


class EncodedResponse(Response):
    """A body and headers that are bytes already, for answers that are given all the time.

    Args:
        body: the body.
        headers: without those that follow from the body; names in lower case.
        media_type: of the body.
    """

    def __init__(
        self, body: bytes, headers: Iterable[tuple[bytes, bytes]], media_type: bytes = JSON
    ) -> None:
        self.status_code = 200
        self.background = None
        self.body = body
        self.raw_headers = [
            *headers,
            (b"content-length", b"%d" % len(body)),
            (b"content-type", media_type),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, in one write where the server can do that."""
        del receive
        writer = scope.get(WRITER)
        if writer is not None:
            writer.keep()
        try:
            start = {"type": "http.response.start", "status": self.status_code}
            await send({**start, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": self.body})
        finally:
            if writer is not None:
                writer.release()


class FaithfulJSONResponse(JSONResponse):
    """JSON in which big integers, all of Unicode and deep nesting survive.

    Endpoints return it themselves, so that FastAPI's own encoder, which recurses in Python and
    rewrites values, never sees the data. Raises what `encode_json` raises.
    """

    def render(self, content: Any) -> bytes:
        """Encode the content."""
        return encode_json(content)


class ProblemResponse(FaithfulJSONResponse):
    """Problem details (RFC 9457)."""

    media_type = "application/problem+json"
