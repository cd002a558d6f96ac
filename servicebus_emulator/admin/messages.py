"""A request to the management API and its response, whatever carried them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from http import HTTPStatus


def _everything(_header: str, _path: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Request:
    """A request: `path` without the query, still percent-encoded; header names in lower case.

    Attributes:
        may_manage: Whether the client may manage another entity, for which it may have a token of
            its own in a header; takes the header's name and the entity's path.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    may_manage: Callable[[str, str], bool] = _everything

    @property
    def entity_path(self) -> str:
        """The path that the request is about, decoded, without slashes at its ends."""
        return unquote(self.path).strip("/")

    def parameter(self, name: str) -> str | None:
        """The value of a query parameter."""
        values = parse_qs(self.query).get(name)
        return values[0] if values else None


@dataclass(frozen=True, slots=True)
class Response:
    """A response; a body is always XML, `etag` the version of the entity that it shows."""

    status: HTTPStatus
    body: bytes = b""
    etag: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """What to say of the body."""
        if not self.body:
            return {}
        headers = {"content-type": "application/atom+xml;type=entry;charset=utf-8"}
        if self.etag is not None:
            headers["etag"] = f'"{self.etag}"'
        return headers
