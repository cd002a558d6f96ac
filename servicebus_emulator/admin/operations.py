"""The operations of the management API: a request and a namespace in, a response out.

Whoever calls has checked that the client may manage the namespace.
Source: https://learn.microsoft.com/rest/api/servicebus/queues
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from servicebus_emulator.admin import atom
from servicebus_emulator.admin.atom import Entry, InvalidDocumentError, Link
from servicebus_emulator.admin.messages import Response
from servicebus_emulator.admin.queue_document import queue_entry, read_description
from servicebus_emulator.broker.errors import (
    ArgumentError,
    BrokerError,
    EntityAlreadyExists,
    EntityNotFound,
    OperationNotSupported,
    QuotaExceeded,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.admin.messages import Request
    from servicebus_emulator.broker.namespace import Namespace

_PAGE = 100  # entities on a page when the client asks for no number
_STATUS_OF = {
    EntityNotFound: HTTPStatus.NOT_FOUND,
    EntityAlreadyExists: HTTPStatus.CONFLICT,
    QuotaExceeded: HTTPStatus.FORBIDDEN,
    OperationNotSupported: HTTPStatus.NOT_IMPLEMENTED,
}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, by method and decoded path, which `pattern` matches as a whole."""

    method: str
    pattern: re.Pattern[str]
    run: Callable[[Request, Namespace, float], Response]


def handle(request: Request, namespace: Namespace, now: float) -> Response:
    """Answer a request.

    Args:
        request: What the client asks.
        namespace: Where it happens.
        now: Seconds since the epoch.
    """
    path = request.entity_path
    matching = [operation for operation in OPERATIONS if operation.pattern.fullmatch(path)]
    for operation in matching:
        if operation.method == request.method:
            return _run(operation, request, namespace, now)
    allowed = ", ".join(operation.method for operation in matching)
    return _error(
        HTTPStatus.METHOD_NOT_ALLOWED, f"The method {request.method} is not among: {allowed}."
    )


def _run(operation: Operation, request: Request, namespace: Namespace, now: float) -> Response:
    try:
        return operation.run(request, namespace, now)
    except BrokerError as error:
        fitting = (status for kind, status in _STATUS_OF.items() if isinstance(error, kind))
        return _error(next(fitting, HTTPStatus.BAD_REQUEST), str(error))
    except InvalidDocumentError as error:
        return _error(HTTPStatus.BAD_REQUEST, str(error))


def _error(status: HTTPStatus, detail: str) -> Response:
    return Response(status, atom.render_error(status, detail))


def _namespace_info(_: Request, namespace: Namespace, _now: float) -> Response:
    created = atom.timestamp(namespace.created_at)
    fields: atom.Fields = [
        ("CreatedTime", created),
        ("MessagingSKU", "Standard"),
        ("ModifiedTime", created),
        ("Name", namespace.name),
        ("NamespaceType", "Messaging"),
    ]
    entry = Entry(
        namespace.name, "NamespaceInfo", fields, namespace.created_at, namespace.created_at
    )
    return Response(HTTPStatus.OK, atom.render_entry(entry))


def _list_queues(request: Request, namespace: Namespace, now: float) -> Response:
    skip, top = _number(request, "$skip", 0, least=0), _number(request, "$top", _PAGE, least=1)
    found = namespace.list_queues(skip, top + 1)
    links = [Link("self", f"$Resources/queues?$skip={skip}&$top={top}")]
    if len(found) > top:
        links.append(Link("next", f"$Resources/queues?$skip={skip + top}&$top={top}"))
    entries = [queue_entry(queue, now) for queue in found[:top]]
    return Response(HTTPStatus.OK, atom.render_feed("Queues", entries, links, now))


def _get(request: Request, namespace: Namespace, now: float) -> Response:
    try:
        queue = namespace.get_queue(request.entity_path)
    except EntityNotFound:  # the service says so with an empty feed, and the SDKs expect it
        return Response(HTTPStatus.OK, atom.render_feed("Publicly Listed Services", (), (), now))
    return Response(HTTPStatus.OK, atom.render_entry(queue_entry(queue, now)))


def _create_or_update(request: Request, namespace: Namespace, now: float) -> Response:
    """With If-Match it is an update, without it a creation."""
    description = read_description(*atom.parse_entry(request.body))
    if request.headers.get("if-match"):
        queue = namespace.update_queue(request.entity_path, description, now=now)
        status = HTTPStatus.OK
    else:
        queue = namespace.create_queue(request.entity_path, description, now=now)
        status = HTTPStatus.CREATED
    return Response(status, atom.render_entry(queue_entry(queue, now)))


def _delete(request: Request, namespace: Namespace, _now: float) -> Response:
    namespace.delete_queue(request.entity_path)
    return Response(HTTPStatus.OK)


def _topics(_: Request, _namespace: Namespace, _now: float) -> Response:
    raise OperationNotSupported("An operation on topics, subscriptions or rules")


def _unknown(request: Request, _namespace: Namespace, _now: float) -> Response:
    raise OperationNotSupported(f"The resource '{request.entity_path[:100]}'")


def _number(request: Request, name: str, default: int, *, least: int) -> int:
    text = request.parameter(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal()) or (number := int(text[:9])) < least:
        raise ArgumentError(
            f"The query parameter {name} must be a whole number, and at least {least}."
        )
    return number


def _operations() -> tuple[Operation, ...]:
    """All operations; of several patterns that match a path, the first one counts."""
    every = ("GET", "PUT", "DELETE")
    subscriptions = r"(?i:\$Resources/topics|.+/subscriptions(/.*)?)"
    table: list[tuple[tuple[str, ...], str, Callable[[Request, Namespace, float], Response]]] = [
        (("GET",), r"(?i:\$namespaceinfo)", _namespace_info),
        (("GET",), r"(?i:\$Resources/queues)", _list_queues),
        (every, subscriptions, _topics),
        (every, r"\$.*|", _unknown),
        (("GET",), r"[^$].*", _get),
        (("PUT",), r"[^$].*", _create_or_update),
        (("DELETE",), r"[^$].*", _delete),
    ]
    return tuple(
        Operation(method, re.compile(pattern, re.DOTALL), run)
        for methods, pattern, run in table
        for method in methods
    )


OPERATIONS = _operations()
