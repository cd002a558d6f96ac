"""The page at `/ui`: files of this package, as they are."""

import re
from functools import cache
from importlib.resources import files
from typing import cast

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from queue_app.api.context import context_of
from queue_app.api.etags import tagged

_MEDIA_TYPES = {
    "css": b"text/css; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "svg": b"image/svg+xml",
}
_FILE_NAME = re.compile(r"[a-z_]+\.(css|js|svg)", re.ASCII)

router = APIRouter(include_in_schema=False)


@router.get("/ui")
@router.get("/ui/")
async def show_page(request: Request) -> Response:
    """Give the page; its links are relative, so that a proxy may serve it below a prefix."""
    is_folder = request.url.path.endswith("/")
    limit = context_of(request).settings.max_payload_bytes
    page = (
        _read("index.html")
        .replace(b"{files}", b"" if is_folder else b"ui/")
        .replace(b"{root}", b"../" if is_folder else b"./")
        .replace(b"{max_payload_bytes}", str(limit).encode())
    )
    return tagged(request.scope, page, media_type=b"text/html; charset=utf-8")


@router.get("/ui/{name}")  # noqa: FAST003 - read by hand, with problems of our own
async def show_file(request: Request) -> Response:
    """Give a file of the page."""
    match = _FILE_NAME.fullmatch(cast("str", request.path_params["name"]))
    if match is None:
        raise HTTPException(404)
    try:
        content = _read(match[0])
    except FileNotFoundError:
        raise HTTPException(404) from None
    return tagged(request.scope, content, media_type=_MEDIA_TYPES[match[1]])


@cache
def _read(name: str) -> bytes:
    return (files("queue_app.api") / "ui" / name).read_bytes()
