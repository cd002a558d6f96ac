"""Requests and answers of HTTP/1.1 as values, and bytes that become answers.

Only what a client of Blob Storage needs (RFC 9112): bodies with a length, chunked, or up to the
end of the connection. No I/O happens here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_HEAD_BYTES = 65_536
_NO_CONTENT = 204
_NOT_MODIFIED = 304
_FIRST_FINAL = 200


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of an account, before it is signed.

    Attributes:
        path: Percent-encoded, from the account's root: `/container/blob`.
        query: Names and values, not encoded.
        headers: By lower-case name.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the service says.

    Attributes:
        headers: By lower-case name; of those that come twice, the last.
        is_last: Whether the connection serves no further request.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    is_last: bool = False


class BrokenAnswerError(ConnectionError):
    """What came is not an answer of HTTP/1.1, or ends in its middle."""


class AnswerParser:
    """Bytes in, one answer out.

    Args:
        method: The request's method; an answer to HEAD has no body.
    """

    def __init__(self, method: str) -> None:
        self._has_body = method != "HEAD"
        self._buffer = bytearray()
        self._head: Answer | None = None
        self._length: int | None = None  # of the body; None: until the end of the connection
        self._is_chunked = False
        self._chunks: list[bytes] = []

    @property
    def has_begun(self) -> bool:
        """Whether any byte has come."""
        return self._head is not None or bool(self._buffer)

    def feed(self, data: bytes) -> Answer | None:
        """Take what has come; the answer when it is complete.

        Bytes behind the answer mark it as the last one: nobody asked for them.

        Raises:
            BrokenAnswerError: It is none.
        """
        self._buffer += data
        while self._head is None:
            if not self._read_head():
                return None
        return self._read_chunks() if self._is_chunked else self._read_sized()

    def end(self) -> Answer:
        """The connection has ended; the answer whose body ends with it.

        Raises:
            BrokenAnswerError: The answer is not complete.
        """
        if self._head is None or self._is_chunked or self._length is not None:
            raise BrokenAnswerError("the connection ended before the answer did")
        return self._complete(bytes(self._buffer), is_last=True)

    def _read_head(self) -> bool:
        """Take the head out of the buffer; an interim answer (1xx) is dropped."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > _MAX_HEAD_BYTES:
                raise BrokenAnswerError("the head of the answer does not end")
            return False
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        version, _, rest = lines[0].partition(" ")
        if version not in ("HTTP/1.1", "HTTP/1.0") or not rest[:3].isdigit():
            raise BrokenAnswerError("the answer is not HTTP/1.1")
        status = int(rest[:3])
        if status < _FIRST_FINAL:
            return True
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        closes = headers.get("connection", "").lower() == "close" or version == "HTTP/1.0"
        self._head = Answer(status, headers, is_last=closes)
        self._measure_body(status, headers)
        return True

    def _measure_body(self, status: int, headers: Mapping[str, str]) -> None:
        """Find out how the body ends (RFC 9112, section 6.3)."""
        if not self._has_body or status in (_NO_CONTENT, _NOT_MODIFIED):
            self._length = 0
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            self._is_chunked = True
        elif (length := headers.get("content-length")) is not None:
            if not (length.isascii() and length.isdigit()):
                raise BrokenAnswerError("the answer's length is not a number")
            self._length = int(length)

    def _read_sized(self) -> Answer | None:
        length = self._length
        if length is None or len(self._buffer) < length:
            return None
        return self._complete(bytes(self._buffer[:length]), is_last=len(self._buffer) > length)

    def _read_chunks(self) -> Answer | None:
        """Take whole chunks out of the buffer; the last has no bytes, trailers are dropped."""
        while (end := self._buffer.find(b"\r\n")) >= 0:
            size_text = bytes(self._buffer[:end]).partition(b";")[0].strip()
            try:
                size = int(size_text, 16)
            except ValueError:
                raise BrokenAnswerError("the length of a chunk is not a number") from None
            if size < 0:
                raise BrokenAnswerError("the length of a chunk is negative")
            if size == 0:
                return self._end_chunks(end)
            if len(self._buffer) < end + 2 + size + 2:
                return None
            self._chunks.append(bytes(self._buffer[end + 2 : end + 2 + size]))
            del self._buffer[: end + 2 + size + 2]
        return None

    def _end_chunks(self, end: int) -> Answer | None:
        stop = self._buffer.find(b"\r\n\r\n", end)
        if stop < 0:
            return None
        return self._complete(b"".join(self._chunks), is_last=len(self._buffer) > stop + 4)

    def _complete(self, body: bytes, *, is_last: bool) -> Answer:
        head = self._head
        if head is None:
            raise BrokenAnswerError("the answer has no head")
        return Answer(head.status, head.headers, body, is_last=is_last or head.is_last)
