"""Operations of the management API by method and path, and what they have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from servicebus_emulator.admin import atom
from servicebus_emulator.admin.atom import Entry, Link
from servicebus_emulator.admin.messages import Response
from servicebus_emulator.broker.entities import entity_path
from servicebus_emulator.broker.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from servicebus_emulator.admin.messages import Request
    from servicebus_emulator.broker.entities import OutletDescription
    from servicebus_emulator.broker.namespace import Namespace

FORWARDING = "servicebussupplementaryauthorization"
DEAD_LETTER_FORWARDING = "servicebusdlqsupplementaryauthorization"
"""The headers with a token for the entity that another one forwards to."""
PAGE = 100  # entities on a page when the client asks for no number
_Item = TypeVar("_Item")


class UnauthorizedError(Exception):
    """The client has not proved its right to something beside the resource that it names."""


class PreconditionFailedError(Exception):
    """The entity is not (any more) the one that If-Match names."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request at its operation.

    Attributes:
        request: What the client asks.
        names: The names of entities in the path, outermost first.
        namespace: Where it happens.
        now: Seconds since the epoch.
    """

    request: Request
    names: tuple[str, ...]
    namespace: Namespace
    now: float

    @property
    def is_update(self) -> bool:
        """With If-Match a PUT is an update, without it a creation."""
        return bool(self.request.headers.get("if-match"))

    def check_match(self, updated_at: float) -> None:
        """See that If-Match names the entity as it is; `*` always does.

        Raises:
            PreconditionFailedError: It does not.
        """
        wanted = self.request.headers.get("if-match", "*").strip()
        if wanted != "*" and wanted.strip('"') != atom.etag(updated_at):
            raise PreconditionFailedError("The entity has been changed: If-Match does not match.")


def check_forwarding(call: Call, path: str, description: OutletDescription) -> None:
    """See that an entity may forward to others: whoever sets it up must manage those as well.

    Source: https://learn.microsoft.com/azure/service-bus-messaging/service-bus-auto-forwarding

    Raises:
        UnauthorizedError: The client may not, or proves it with a bad token.
        ArgumentError: There is no such entity.
    """
    for header, target in (
        (FORWARDING, description.forward_to),
        (DEAD_LETTER_FORWARDING, description.forward_dead_lettered_messages_to),
    ):
        if target is not None and not call.request.may_manage(header, entity_path(target)):
            raise UnauthorizedError(
                f"InvalidClaims: Manage,EntityWrite claims are required on '{entity_path(target)}' "
                "to forward to it."
            )
    call.namespace.check_forwarding(path, description)


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, by method and decoded path.

    Attributes:
        name: For people.
        method: The HTTP method.
        path: The path with its variable parts in braces, for people.
        run: Carries it out.
    """

    name: str
    method: str
    path: str
    run: Callable[[Call], Response]

    def match(self, path: str) -> tuple[str, ...] | None:
        """The names in a path; None when the path is another."""
        found = _pattern(self.path).fullmatch(path)
        return None if found is None else found.groups()


_PATTERNS: dict[str, re.Pattern[str]] = {}


def _pattern(path: str) -> re.Pattern[str]:
    """A path as a regular expression; the names of queues and topics may hold slashes."""
    known = _PATTERNS.get(path)
    if known is None:
        parts = []
        for part in path.split("/"):
            if part in {"{entity}", "{topic}"}:
                parts.append(r"([^$].*)")
            elif part.startswith("{"):
                parts.append(r"([^/]+)")
            else:
                parts.append(re.escape(part))
        known = _PATTERNS[path] = re.compile("/".join(parts), re.DOTALL | re.IGNORECASE)
    return known


def entry_response(entry: Entry, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """A response with one entity."""
    return Response(status, atom.render_entry(entry), atom.etag(entry.updated))


def page_response(
    call: Call, title: str, items: Sequence[_Item], entry_of: Callable[[_Item], Entry]
) -> Response:
    """A response with the page of `items` that the client asks for."""
    skip = number(call.request, "$skip", 0, least=0)
    top = number(call.request, "$top", PAGE, least=1)
    # Whole URLs: the SDK for Node.js reads no others. The scheme is of no account.
    base = f"https://{call.request.headers.get('host', 'localhost')}/{call.request.path.strip('/')}"
    links = [Link("self", f"{base}?$skip={skip}&$top={top}")]
    if len(items) > skip + top:
        links.append(Link("next", f"{base}?$skip={skip + top}&$top={top}"))
    entries = [entry_of(item) for item in items[skip : skip + top]]
    return Response(HTTPStatus.OK, atom.render_feed(title, entries, links, call.now))


def number(request: Request, name: str, default: int, *, least: int) -> int:
    """A query parameter that is a number.

    Raises:
        ArgumentError: It is none, or too small.
    """
    text = request.parameter(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or (value := int(text[:9])) < least:
        raise ArgumentError(
            f"The query parameter {name} must be a whole number, and at least {least}."
        )
    return value
