"""How values become bodies: one encoder for every JSON answer."""

from typing import Any

from fastapi.responses import JSONResponse

from queue_app.payload import encode_json


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
