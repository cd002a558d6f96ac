"""What can be done with a container: each operation is a request, and the reading of its answer.

Source: https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from html import unescape
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import quote

from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

from celery_azure.storage.errors import ChangedMeanwhileError, error_code, refusal
from celery_azure.storage.messages import Answer, BrokenAnswerError, Request

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

BINARY = "application/octet-stream"
JSON = "application/json"
TEXT = "text/plain; charset=utf-8"

_OK, _CREATED, _ACCEPTED, _PARTIAL = 200, 201, 202, 206
_NOT_FOUND, _CONFLICT, _PRECONDITION_FAILED, _BEYOND_THE_END = 404, 409, 412, 416

_LISTED = re.compile(rb"<Blob>(.*?)</Blob>", re.DOTALL)
_NAME = re.compile(rb"<Name( Encoded=\"true\")?>([^<]*)</Name>")
_MODIFIED = re.compile(rb"<Last-Modified>([^<]*)</Last-Modified>")
_ETAG = re.compile(rb"<Etag>([^<]*)</Etag>")
_MARKER = re.compile(rb"<NextMarker>([^<]+)</NextMarker>")


@dataclass(frozen=True, slots=True)
class Operation(Generic[Result]):
    """A request, and what its answer means.

    Attributes:
        understand: Reads an answer that is not an outage; raises an `AzureError` or
            `ChangedMeanwhileError`.
        needs_container: The container's name, where the operation may create it.
    """

    request: Request
    understand: Callable[[Answer], Result]
    needs_container: str | None = None


@dataclass(frozen=True, slots=True)
class Blob:
    """The content of a blob, and which version of it this is."""

    content: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class ListedBlob:
    """What a listing says of a blob; `modified` is in seconds, Unix time."""

    name: str
    etag: str
    modified: float


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a container's blobs; `marker` asks for the next page, None at the end."""

    blobs: tuple[ListedBlob, ...]
    marker: str | None


def _path(container: str, name: str) -> str:
    return f"/{container}/{quote(name, safe='/~')}"


def read(container: str, name: str) -> Operation[Blob | None]:
    """Read a whole blob; None when there is none."""

    def understand(answer: Answer) -> Blob | None:
        if answer.status == _OK:
            return Blob(answer.body, answer.headers.get("etag", ""))
        if answer.status == _NOT_FOUND:
            return None
        raise refusal(answer)

    return Operation(Request("GET", _path(container, name)), understand)


def read_part(container: str, name: str, start: int, length: int) -> Operation[bytes | None]:
    """Read at most `length` bytes from `start` on: fewer at the end, none beyond it.

    None when there is no such blob.
    """

    def understand(answer: Answer) -> bytes | None:
        if answer.status in (_OK, _PARTIAL):
            return answer.body
        if answer.status == _BEYOND_THE_END:
            return b""
        if answer.status == _NOT_FOUND:
            return None
        raise refusal(answer)

    wanted = {"x-ms-range": f"bytes={start}-{start + length - 1}"}
    return Operation(Request("GET", _path(container, name), headers=wanted), understand)


def size(container: str, name: str) -> Operation[int | None]:
    """Ask for the length of a blob in bytes; None when there is none."""

    def understand(answer: Answer) -> int | None:
        if answer.status == _OK:
            return int(answer.headers.get("content-length", "0"))
        if answer.status == _NOT_FOUND:
            return None
        raise refusal(answer)

    return Operation(Request("HEAD", _path(container, name)), understand)


def write(
    container: str,
    name: str,
    content: bytes,
    content_type: str = BINARY,
    *,
    if_match: str | None = None,
    if_absent: bool = False,
) -> Operation[str]:
    """Write a whole blob, on a condition or none; its new ETag.

    Understanding raises `ChangedMeanwhileError` when the condition does not hold.
    """
    headers = {"content-type": content_type, "x-ms-blob-type": "BlockBlob"}
    headers |= _condition(if_match, if_absent=if_absent)
    request = Request("PUT", _path(container, name), headers=headers, body=content)
    return Operation(request, _written, needs_container=container)


def create_log(container: str, name: str) -> Operation[str]:
    """Create an empty append blob; its ETag.

    Understanding raises `ChangedMeanwhileError` when there is a blob of that name.
    """
    headers = {"content-type": TEXT, "x-ms-blob-type": "AppendBlob"}
    headers |= _condition(None, if_absent=True)
    request = Request("PUT", _path(container, name), headers=headers)
    return Operation(request, _written, needs_container=container)


def append(container: str, name: str, content: bytes, at: int) -> Operation[int | None]:
    """Append to an append blob that is `at` bytes long; its new length. None: there is no blob.

    Understanding raises `ChangedMeanwhileError` when it has another length.
    """

    def understand(answer: Answer) -> int | None:
        if answer.status == _NOT_FOUND:
            return None
        _written(answer)
        return at + len(content)

    headers = {"x-ms-blob-condition-appendpos": str(at)}
    request = Request(
        "PUT", _path(container, name), (("comp", "appendblock"),), headers, body=content
    )
    return Operation(request, understand)


def add(container: str, name: str, content: bytes) -> Operation[bool]:
    """Append to an append blob, wherever it ends; False when there is no blob.

    After a lost answer it can be there twice.
    """

    def understand(answer: Answer) -> bool:
        if answer.status == _NOT_FOUND:
            return False
        if answer.status == _CREATED:
            return True
        raise refusal(answer)

    request = Request("PUT", _path(container, name), (("comp", "appendblock"),), body=content)
    return Operation(request, understand)


def delete(container: str, name: str, *, if_match: str | None = None) -> Operation[bool]:
    """Remove a blob, on a condition or none; whether it was there and is not any more."""

    def understand(answer: Answer) -> bool:
        if answer.status == _ACCEPTED:
            return True
        if answer.status in (_NOT_FOUND, _PRECONDITION_FAILED):
            return False
        raise refusal(answer)

    headers = _condition(if_match, if_absent=False)
    return Operation(Request("DELETE", _path(container, name), headers=headers), understand)


def create_container(container: str) -> Operation[bool]:
    """Create a container; False when it is there."""

    def understand(answer: Answer) -> bool:
        if answer.status == _CREATED:
            return True
        if answer.status == _CONFLICT and "AlreadyExists" in str(refusal(answer)):
            return False
        raise refusal(answer)

    return Operation(Request("PUT", f"/{container}", (("restype", "container"),)), understand)


def list_page(container: str, prefix: str, marker: str | None, limit: int) -> Operation[Page]:
    """List at most `limit` blobs (1 to 5000) in the order of their names.

    A container that is not there has none.
    """

    def understand(answer: Answer) -> Page:
        if answer.status == _OK:
            return _page(answer.body)
        if answer.status == _NOT_FOUND:
            return Page((), None)
        raise refusal(answer)

    query = [("comp", "list"), ("maxresults", str(limit)), ("restype", "container")]
    query += [("prefix", prefix)] if prefix else []
    query += [("marker", marker)] if marker else []
    return Operation(Request("GET", f"/{container}", tuple(query)), understand)


def _condition(if_match: str | None, *, if_absent: bool) -> dict[str, str]:
    if if_match is not None:
        return {"if-match": if_match}
    return {"if-none-match": "*"} if if_absent else {}


def _written(answer: Answer) -> str:
    if answer.status == _CREATED:
        return answer.headers.get("etag", "")
    error = refusal(answer)
    is_gone = error_code(answer) == "BlobNotFound"  # the version that was to be replaced
    if is_gone or isinstance(error, (ResourceExistsError, ResourceModifiedError)):
        raise ChangedMeanwhileError(str(error))
    raise error


def _page(body: bytes) -> Page:
    """Read a listing: flat XML of the service's own, so that patterns suffice."""
    marker = _MARKER.search(body)
    return Page(
        tuple(_listed(found.group(1)) for found in _LISTED.finditer(body)),
        unescape(marker.group(1).decode()) if marker else None,
    )


def _listed(entry: bytes) -> ListedBlob:
    name, etag, modified = _NAME.search(entry), _ETAG.search(entry), _MODIFIED.search(entry)
    if not (name and etag and modified):
        raise BrokenAnswerError("a listed blob has no name, ETag or time")
    return ListedBlob(
        unescape(name.group(2).decode()),
        f'"{unescape(etag.group(1).decode()).strip(chr(34))}"',  # as answers write it
        parsedate_to_datetime(modified.group(1).decode()).timestamp(),
    )
