"""HTTP/1.1 requests out of bytes (RFC 9112), as much of it as an admin client speaks.

Bytes in, requests out; nothing here waits or writes. Heads and bodies are bounded, and what is
ambiguous (two lengths, a length beside chunks) is refused, since it is how requests are smuggled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

MAX_HEAD_SIZE = 32 * 1024
MAX_BODY_SIZE = 1024 * 1024
_MAX_CHUNK_LINE = 256

_METHOD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}")
_TARGET = re.compile(rb"[\x21-\x7e]+")
_VERSION = re.compile(rb"HTTP/(\d)\.(\d)")
_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_VALUE = re.compile(rb"[\x00\r\n]")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?")
_LENGTH = re.compile(rb"[0-9]{1,18}")


class HttpRequest(NamedTuple):
    """A whole request; the header names are lower case, repeated ones joined by a comma."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    keep_alive: bool


class BadRequestError(Exception):
    """The bytes are not a request that can be answered; the connection ends after `status`."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class _Head:
    method: str
    target: str
    headers: dict[str, str]
    keep_alive: bool
    length: int = 0
    chunked: bool = False


@dataclass(slots=True)
class HttpParser:
    """One connection's requests, in order.

    Feed it with `receive_data`, then call `next_request` until it gives None. `wants_continue` is
    true once when the client waits for `100 Continue` before it sends its body.
    """

    max_body_size: int = MAX_BODY_SIZE
    wants_continue: bool = False
    _buffer: bytearray = field(default_factory=bytearray)
    _head: _Head | None = None
    _chunks: bytearray = field(default_factory=bytearray)
    _in_trailer: bool = False

    def receive_data(self, data: bytes) -> None:
        """Take bytes as they came off the wire."""
        self._buffer += data

    def take_rest(self) -> bytes:
        """Take what has arrived behind the last request: the bytes of another protocol."""
        return self._take(len(self._buffer))

    def next_request(self) -> HttpRequest | None:
        """The next whole request, None while bytes are missing.

        Raises:
            BadRequestError: What arrived is not a request, or too large a one.
        """
        if self._head is None:
            self._head = self._read_head()
            if self._head is None:
                return None
            self.wants_continue = _wants_continue(self._head)
        body = self._read_chunks() if self._head.chunked else self._read_length(self._head.length)
        if body is None:
            return None
        head, self._head = self._head, None
        self.wants_continue = False
        return HttpRequest(head.method, head.target, head.headers, body, head.keep_alive)

    def _read_head(self) -> _Head | None:
        while self._buffer[:2] == b"\r\n":  # RFC 9112 2.2: empty lines before a request are skipped
            del self._buffer[:2]
        end = self._buffer.find(b"\r\n\r\n", 0, MAX_HEAD_SIZE)
        if end < 0:
            if len(self._buffer) >= MAX_HEAD_SIZE:
                raise BadRequestError(431, f"The head is larger than {MAX_HEAD_SIZE} bytes.")
            return None
        lines = bytes(self._buffer[:end]).split(b"\r\n")
        del self._buffer[: end + 4]
        head = _parse_head(lines)
        if head.length > self.max_body_size:
            raise self._too_large()
        return head

    def _read_length(self, length: int) -> bytes | None:
        return self._take(length) if len(self._buffer) >= length else None

    def _read_chunks(self) -> bytes | None:
        while not self._in_trailer:
            line_end = self._buffer.find(b"\r\n", 0, _MAX_CHUNK_LINE)
            if line_end < 0:
                self._check_line_is_short(_MAX_CHUNK_LINE)
                return None
            size = _parse_chunk_size(bytes(self._buffer[:line_end]))
            if len(self._chunks) + size > self.max_body_size:
                raise self._too_large()
            if not size:
                del self._buffer[: line_end + 2]
                self._in_trailer = True
                break
            if len(self._buffer) < line_end + 2 + size + 2:
                return None
            del self._buffer[: line_end + 2]
            self._chunks += self._take(size)
            if self._take(2) != b"\r\n":
                raise BadRequestError(400, "A chunk is longer than it says.")
        return self._read_trailer()

    def _read_trailer(self) -> bytes | None:
        while True:
            line_end = self._buffer.find(b"\r\n", 0, MAX_HEAD_SIZE)
            if line_end < 0:
                self._check_line_is_short(MAX_HEAD_SIZE)
                return None
            line = self._take(line_end + 2)
            if line == b"\r\n":
                break
        body = bytes(self._chunks)
        self._chunks.clear()
        self._in_trailer = False
        return body

    def _check_line_is_short(self, limit: int) -> None:
        if len(self._buffer) >= limit:
            raise BadRequestError(400, "A line of the chunked body is too long.")

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _too_large(self) -> BadRequestError:
        return BadRequestError(413, f"The body is larger than {self.max_body_size} bytes.")


def _parse_head(lines: list[bytes]) -> _Head:
    method, target, version = _parse_request_line(lines[0])
    fields = [_parse_field(line) for line in lines[1:]]
    headers: dict[str, str] = {}
    for name, value in fields:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if version >= (1, 1) and "host" not in headers:
        raise BadRequestError(400, "An HTTP/1.1 request needs a Host header.")
    options = {option.strip().lower() for option in headers.get("connection", "").split(",")}
    keep_alive = "close" not in options and (version >= (1, 1) or "keep-alive" in options)
    head = _Head(method, target, headers, keep_alive)
    _set_framing(head)
    return head


def _parse_request_line(line: bytes) -> tuple[str, str, tuple[int, int]]:
    parts = line.split(b" ")
    if len(parts) != 3:  # noqa: PLR2004 (method, target, version)
        raise BadRequestError(400, "The request line is not METHOD TARGET HTTP/1.1.")
    version = _VERSION.fullmatch(parts[2])
    if not (_METHOD.fullmatch(parts[0]) and _TARGET.fullmatch(parts[1]) and version):
        raise BadRequestError(400, "The request line is not METHOD TARGET HTTP/1.1.")
    major, minor = int(version[1]), int(version[2])
    if major != 1:
        raise BadRequestError(505, "Only HTTP/1.0 and HTTP/1.1 are spoken here.")
    return parts[0].decode("ascii"), parts[1].decode("ascii"), (major, minor)


def _parse_field(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    if not (colon and _FIELD_NAME.fullmatch(name)) or _BAD_VALUE.search(value):
        raise BadRequestError(400, "A header line is malformed.")
    return name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")


def _set_framing(head: _Head) -> None:
    coding = head.headers.get("transfer-encoding")
    length = head.headers.get("content-length")
    if coding is not None:
        if length is not None or coding.strip().lower() != "chunked":
            raise BadRequestError(400, "The length of the body is ambiguous.")
        head.chunked = True
    elif length is not None:
        if not _LENGTH.fullmatch(length.encode("latin-1")):
            raise BadRequestError(400, "Content-Length is not one number.")
        head.length = int(length)


def _parse_chunk_size(line: bytes) -> int:
    size = _CHUNK_SIZE.fullmatch(line)
    if not size:
        raise BadRequestError(400, "A chunk size is not a hexadecimal number.")
    return int(size[1], 16)


def _wants_continue(head: _Head) -> bool:
    expects = head.headers.get("expect", "").lower() == "100-continue"
    return expects and (head.chunked or head.length > 0)
