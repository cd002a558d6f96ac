"""Entity tags (RFC 9110, section 8.8.3): a client that knows the answer is spared its body."""

import hashlib
from collections.abc import Iterable
from http import HTTPStatus

from fastapi.responses import Response
from starlette.types import Scope

from queue_app.api.fields import field
from queue_app.api.responses import JSON, EncodedResponse


def etag_of(body: bytes) -> str:
    """A strong entity tag: equal for equal bodies."""
    return f'"{hashlib.blake2b(body, digest_size=9).hexdigest()}"'


def is_known(scope: Scope, etag: str) -> bool:
    """Whether If-None-Match names the tag, compared weakly (RFC 9110, section 13.1.2)."""
    known = field(scope, b"if-none-match")
    if known is None:
        return False
    return known.strip() == "*" or etag in [
        tag.strip().removeprefix("W/") for tag in known.split(",")
    ]


def tagged(
    scope: Scope,
    body: bytes,
    *,
    etag: str | None = None,
    extra: Iterable[tuple[bytes, bytes]] = (),
    media_type: bytes = JSON,
) -> Response:
    """Answer with a body and its tag, or with 304 when the client has it.

    Args:
        scope: of the request.
        body: the answer.
        etag: of the body, where it is known already.
        extra: more headers.
        media_type: of the body.
    """
    etag = etag or etag_of(body)
    fields = [(b"etag", etag.encode()), (b"cache-control", b"no-cache"), *extra]
    if is_known(scope, etag):
        response = Response(status_code=HTTPStatus.NOT_MODIFIED)
        response.raw_headers.extend(fields)
        return response
    return EncodedResponse(body, fields, media_type)
