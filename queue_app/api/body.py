"""Reading a request's body: what it claims to be, and no more of it than the limit allows."""

import re
from collections.abc import AsyncIterator
from functools import lru_cache

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from queue_app.api.fields import field
from queue_app.errors import PayloadTooLarge, UnsupportedMedia

_JSON_TYPE = re.compile(r"application/json|[^\s/,]+/[^\s/,]+\+json")


async def read_body(request: Request, limit: int) -> bytes:
    """Read a JSON body of at most `limit` bytes.

    A body that is announced as too long is refused before it is read; a chunked one as soon as
    it has grown beyond the limit.

    Raises:
        UnsupportedMedia: not declared as JSON in UTF-8 without a content coding.
        PayloadTooLarge: more than `limit` bytes.
        ClientDisconnect: the client has left in the middle.
    """
    check_media(request.scope)
    _check_announced_length(request.scope, limit)
    chunks: list[bytes] = []
    size = 0
    while True:  # most bodies come in one piece: a generator would cost more than the rest
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise PayloadTooLarge(limit)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def bounded(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The chunks of a body, as long as they are no more than `limit` bytes together.

    Raises:
        PayloadTooLarge: they are; at once when that was announced.
    """
    _check_announced_length(request.scope, limit)
    left = limit
    async for chunk in request.stream():
        left -= len(chunk)
        if left < 0:
            raise PayloadTooLarge(limit)
        yield chunk


def check_media(scope: Scope, also: frozenset[str] = frozenset()) -> str:
    """Accept application/json and types that end in +json, as UTF-8, without a content coding.

    Returns the media type, in lower case; `also` are further ones that are accepted.

    A missing Content-Type is refused: browsers send such requests across origins unasked.
    """
    coding = (field(scope, b"content-encoding") or "").strip().lower()
    if coding not in {"", "identity"}:
        raise UnsupportedMedia(f"The Content-Encoding is {coding!a}; send the body uncompressed.")
    declared = field(scope, b"content-type")
    if declared is None:
        raise UnsupportedMedia("There is no Content-Type; send application/json.")
    media_type, charset = _parse_content_type(declared)
    if media_type not in also and not _JSON_TYPE.fullmatch(media_type):
        raise UnsupportedMedia(f"The Content-Type is {declared[:80]!a}; send application/json.")
    if charset not in {"utf-8", "utf8"}:
        raise UnsupportedMedia(f"The charset is {charset[:80]!a}; JSON is sent in UTF-8.")
    return media_type


@lru_cache(32)
def _parse_content_type(declared: str) -> tuple[str, str]:
    media_type, *parameters = declared.lower().split(";")
    charset = "utf-8"
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() in {"charset", "charset*"}:
            charset = value.strip().strip('"')
    return media_type.strip(), charset


def _check_announced_length(scope: Scope, limit: int) -> None:
    announced = field(scope, b"content-length") or ""
    if not (announced.isascii() and announced.isdecimal()):
        return  # chunked, or nonsense that the server has to deal with
    digits = announced.lstrip("0") or "0"
    # Lengths are compared as text first: int() refuses thousands of digits.
    if len(digits) > len(str(limit)) or int(digits) > limit:
        raise PayloadTooLarge(limit)
