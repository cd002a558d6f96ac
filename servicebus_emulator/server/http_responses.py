"""HTTP/1.1 responses into bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
SWITCHING_PROTOCOLS = 101
_NO_CONTENT = 204
# A part of http.HTTPStatus, whose import would cost every start some milliseconds.
_REASONS = {
    101: "Switching Protocols",
    200: "OK",
    201: "Created",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    426: "Upgrade Required",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}


@dataclass(slots=True)
class HttpResponse:
    """A status, headers and a body."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def text(cls, status: int, text: str) -> HttpResponse:
        """A response for people."""
        return cls(status, {"Content-Type": "text/plain; charset=utf-8"}, f"{text}\n".encode())


def encode(response: HttpResponse, method: str, *, close: bool) -> bytes:
    """The bytes of a response to `method`; a HEAD request gets the head alone."""
    reason = _REASONS.get(response.status, "Unknown")
    lines = [f"HTTP/1.1 {response.status} {reason}"]
    lines += [f"{name}: {_one_line(value)}" for name, value in response.headers.items()]
    if response.status == SWITCHING_PROTOCOLS:
        connection = "Upgrade"
    else:
        connection = "close" if close else "keep-alive"
    if response.status not in {SWITCHING_PROTOCOLS, _NO_CONTENT}:
        lines.append(f"Content-Length: {len(response.body)}")
    lines += [f"Connection: {connection}", "", ""]
    head = "\r\n".join(lines).encode("latin-1", "replace")
    return head if method == "HEAD" else head + response.body


def _one_line(value: str) -> str:
    """A header value that cannot begin another header."""
    return value.replace("\r", " ").replace("\n", " ")
