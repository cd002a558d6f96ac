"""Entity tags (RFC 9110, section 8.8.3): a client that knows the answer is spared its body."""

import hashlib
from http import HTTPStatus

from fastapi.responses import Response
from starlette.datastructures import Headers


def etag_of(body: bytes) -> str:
    """A strong entity tag: equal for equal bodies."""
    return f'"{hashlib.blake2b(body, digest_size=9).hexdigest()}"'


def is_known(headers: Headers, etag: str) -> bool:
    """Whether If-None-Match names the tag, compared weakly (RFC 9110, section 13.1.2)."""
    known = headers.get("if-none-match")
    if known is None:
        return False
    return known.strip() == "*" or etag in [
        tag.strip().removeprefix("W/") for tag in known.split(",")
    ]


def tagged(
    headers: Headers,
    body: bytes,
    *,
    extra: dict[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """Answer with a body and its tag, or with 304 when the client has it."""
    etag = etag_of(body)
    fields = {"ETag": etag, "Cache-Control": "no-cache", **(extra or {})}
    if is_known(headers, etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=fields)
    return Response(body, media_type=media_type, headers=fields)
