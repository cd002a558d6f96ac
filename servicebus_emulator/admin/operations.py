"""The management API: a request and a namespace in, a response out.

Whoever calls has checked that the client may manage the namespace.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from servicebus_emulator.admin import atom
from servicebus_emulator.admin.access_operations import ACCESS_OPERATIONS
from servicebus_emulator.admin.atom import InvalidDocumentError
from servicebus_emulator.admin.entity_operations import ENTITY_OPERATIONS
from servicebus_emulator.admin.messages import Response
from servicebus_emulator.admin.routing import (
    Call,
    Operation,
    PreconditionFailedError,
    UnauthorizedError,
)
from servicebus_emulator.admin.subscription_operations import SUBSCRIPTION_OPERATIONS
from servicebus_emulator.broker.errors import (
    BrokerError,
    EntityAlreadyExists,
    EntityNotFound,
    OperationNotSupported,
    QuotaExceeded,
    ServerBusy,
)

if TYPE_CHECKING:
    from servicebus_emulator.admin.messages import Request
    from servicebus_emulator.broker.namespace import Namespace

OPERATIONS = (*ACCESS_OPERATIONS, *SUBSCRIPTION_OPERATIONS, *ENTITY_OPERATIONS)
"""All operations; the first ones whose path matches count."""

_STATUS_OF = {
    EntityNotFound: HTTPStatus.NOT_FOUND,
    EntityAlreadyExists: HTTPStatus.CONFLICT,
    QuotaExceeded: HTTPStatus.FORBIDDEN,
    OperationNotSupported: HTTPStatus.NOT_IMPLEMENTED,
    ServerBusy: HTTPStatus.SERVICE_UNAVAILABLE,
}
_WITH_SUBCODE = {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.CONFLICT}


def handle(request: Request, namespace: Namespace, now: float) -> Response:
    """Answer a request.

    Args:
        request: What the client asks.
        namespace: Where it happens.
        now: Seconds since the epoch.
    """
    path, place, allowed = request.entity_path, None, []
    for operation in OPERATIONS:
        names = operation.match(path)
        if names is None or place not in {None, operation.path}:
            continue
        if operation.method == request.method:
            return _run(operation, Call(request, names, namespace, now))
        place = operation.path
        allowed.append(operation.method)
    if place is None:
        unknown = OperationNotSupported(f"The resource '{path[:100]}'")
        return _error(HTTPStatus.NOT_IMPLEMENTED, str(unknown))
    methods = ", ".join(allowed)
    return _error(
        HTTPStatus.METHOD_NOT_ALLOWED, f"The method {request.method} is not among: {methods}."
    )


def _run(operation: Operation, call: Call) -> Response:
    try:
        call.namespace.count_management(call.now)
        return operation.run(call)
    except BrokerError as error:
        fitting = (status for kind, status in _STATUS_OF.items() if isinstance(error, kind))
        return _error(next(fitting, HTTPStatus.BAD_REQUEST), str(error))
    except InvalidDocumentError as error:
        return _error(HTTPStatus.BAD_REQUEST, str(error))
    except UnauthorizedError as error:
        return _error(HTTPStatus.UNAUTHORIZED, str(error))
    except PreconditionFailedError as error:
        return _error(HTTPStatus.PRECONDITION_FAILED, str(error))


def _error(status: HTTPStatus, detail: str) -> Response:
    if status in _WITH_SUBCODE:  # which clients look for
        detail = f"SubCode={status:d}00. {detail}"
    return Response(status, atom.render_error(status, detail))
