"""The head of a request, where uvicorn parses it with httptools: bounded, and with one Host.

uvicorn takes httptools where it is installed, which is what makes it fast. It is stricter than h11
about where a request ends (no two lengths, no length beside chunks, no folded lines), but collects
a head without end and lets pass requests that do not say which host they mean. uvicorn chooses its
protocol before it imports the application, so that protocol is completed where it stands. It also
gets a transport that can write an answer at once.
"""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from queue_app.api.one_write import WRITER, Writer

if TYPE_CHECKING:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 65_536
"""What h11 takes: target, names and values together."""

_REFUSED = "Invalid HTTP request received."  # uvicorn's own words
_UNFINISHED = "queue_app.head_bytes"


class RefusedHead(ValueError):  # noqa: N818 - as in queue_app/errors.py
    """A head that is not taken: uvicorn answers 400 and hangs up."""


def guard_server() -> None:
    """Guard what uvicorn of this process takes, where it has httptools."""
    try:
        from uvicorn.protocols.http.httptools_impl import (  # noqa: PLC0415 - h11 has its own guard
            HttpToolsProtocol,
        )
    except ImportError:
        return
    guard(HttpToolsProtocol)


def guard(protocol: "type[HttpToolsProtocol]") -> None:
    """Let a protocol refuse heads that are too long, or name no host or several; once is enough."""
    if protocol.data_received.__module__ == __name__:
        return
    receive, complete = protocol.data_received, protocol.on_headers_complete
    begin = protocol.connection_made

    def connection_made(self: "HttpToolsProtocol", transport: asyncio.Transport) -> None:
        begin(self, cast("asyncio.Transport", Writer(transport)))

    def data_received(self: "HttpToolsProtocol", data: bytes) -> None:
        receive(self, data)
        scope = cast("dict[str, Any] | None", self.scope)
        if scope is None or "method" in scope:  # which uvicorn knows when the head is complete
            return
        # With the beginning of a head, the end of the request before it may have come.
        size = scope[_UNFINISHED] + len(data) if _UNFINISHED in scope else 0
        scope[_UNFINISHED] = size
        if size > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(_REFUSED)

    def on_headers_complete(self: "HttpToolsProtocol") -> None:
        check_head(self.url, self.headers, self.parser.get_http_version())
        cast("dict[str, Any]", self.scope)[WRITER] = self.transport
        complete(self)

    protocol.connection_made = connection_made  # type: ignore[method-assign]
    protocol.data_received = data_received  # type: ignore[method-assign]
    protocol.on_headers_complete = on_headers_complete  # type: ignore[method-assign]


def check_head(target: bytes, headers: Iterable[tuple[bytes, bytes]], version: str) -> None:
    """See that a head is short enough and says which host it means (RFC 9112, section 3.2).

    Args:
        target: As it was sent.
        headers: Names in lower case, and values.
        version: Such as `1.1`.

    Raises:
        RefusedHead: It does not.
    """
    size, hosts = len(target), 0
    for name, value in headers:
        size += len(name) + len(value)
        hosts += name == b"host"
    if size > MAX_HEAD_BYTES:
        raise RefusedHead("the head is too long")
    if hosts > 1 or (hosts == 0 and version == "1.1"):
        raise RefusedHead("one Host is needed")
