"""The emulator's page at `/emulator/`: three files of this package, as they are."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from servicebus_emulator.server.http_responses import HttpResponse

if TYPE_CHECKING:
    from servicebus_emulator.server.http_parser import HttpRequest

_PAGE = ("index.html", "text/html; charset=utf-8")
_FILES = {
    "/emulator": _PAGE,
    "/emulator/": _PAGE,
    "/emulator/page.css": ("page.css", "text/css; charset=utf-8"),
    "/emulator/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    "Cache-Control": "no-store",  # another version of the emulator may be next on this port
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def page_for(request: HttpRequest) -> HttpResponse | None:
    """A file of the page; None for a request that asks for something else."""
    path = request.target.partition("?")[0]
    if path not in _FILES or request.method not in {"GET", "HEAD"}:
        return None
    name, media_type = _FILES[path]
    return HttpResponse(200, {"Content-Type": media_type, **_HEADERS}, _read(name))


@cache
def _read(name: str) -> bytes:
    return (files("servicebus_emulator.server") / "page" / name).read_bytes()
