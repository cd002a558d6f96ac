"""Reading a request's body: what it claims to be, and no more of it than the limit allows."""

import re

from fastapi import Request
from starlette.datastructures import Headers

from queue_app.errors import PayloadTooLarge, UnsupportedMedia

_JSON_TYPE = re.compile(r"application/json|[^\s/,]+/[^\s/,]+\+json")


async def read_body(request: Request, limit: int) -> bytes:
    """Read a JSON body of at most `limit` bytes.

    A body that is announced as too long is refused before it is read; a chunked one as soon as
    it has grown beyond the limit.

    Raises:
        UnsupportedMedia: not declared as JSON in UTF-8 without a content coding.
        PayloadTooLarge: more than `limit` bytes.
    """
    check_media(request.headers)
    _check_announced_length(request.headers, limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise PayloadTooLarge(limit)
    return bytes(body)


def check_media(headers: Headers) -> None:
    """Accept application/json and types that end in +json, as UTF-8, without a content coding.

    A missing Content-Type is refused: browsers send such requests across origins unasked.
    """
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"", "identity"}:
        raise UnsupportedMedia(f"The Content-Encoding is {coding!a}; send the body uncompressed.")
    declared = headers.get("content-type")
    if declared is None:
        raise UnsupportedMedia("There is no Content-Type; send application/json.")
    media_type, charset = _parse_content_type(declared)
    if not _JSON_TYPE.fullmatch(media_type):
        raise UnsupportedMedia(f"The Content-Type is {declared[:80]!a}; send application/json.")
    if charset not in {"utf-8", "utf8"}:
        raise UnsupportedMedia(f"The charset is {charset[:80]!a}; JSON is sent in UTF-8.")


def _parse_content_type(declared: str) -> tuple[str, str]:
    media_type, *parameters = declared.lower().split(";")
    charset = "utf-8"
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() in {"charset", "charset*"}:
            charset = value.strip().strip('"')
    return media_type.strip(), charset


def _check_announced_length(headers: Headers, limit: int) -> None:
    announced = headers.get("content-length", "")
    if not (announced.isascii() and announced.isdecimal()):
        return  # chunked, or nonsense that the server has to deal with
    digits = announced.lstrip("0") or "0"
    # Lengths are compared as text first: int() refuses thousands of digits.
    if len(digits) > len(str(limit)) or int(digits) > limit:
        raise PayloadTooLarge(limit)
