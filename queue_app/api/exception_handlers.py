"""Exceptions become problems here, FastAPI's and Starlette's own included."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from queue_app import errors
from queue_app.api import problems
from queue_app.api.problems import ProblemType, problem_response

_log = logging.getLogger(__name__)


async def _on_own_error(request: Request, error: errors.QueueAppError) -> Response:
    problem = problems.PROBLEM_OF_ERROR.get(type(error), problems.INTERNAL_ERROR)
    headers: dict[str, str] = {}
    extensions: dict[str, Any] = {}
    match error:
        case errors.Unavailable():
            _log.warning("%s is out of reach: %s", error.component, error.reason)
            headers = {"Retry-After": str(error.retry_after_seconds)}
            extensions = {"component": error.component}
        case errors.TooManyStreams():
            headers, extensions = {"Retry-After": "5"}, {"limit": error.limit}
        case errors.IdempotencyKeyInUse():
            headers = {"Retry-After": "1"}
        case errors.Closing():
            headers = {"Retry-After": "1", "Connection": "close"}
        case errors.PayloadTooLarge() | errors.TooManyItems():
            extensions = {"limit": error.limit}
        case errors.UnsupportedMedia():
            headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        case errors.UnrepresentableResult():
            _log.error("%s %s", request.scope["path"], error)
    return problem_response(request, problem, str(error), headers=headers, **extensions)


async def _on_http_exception(request: Request, error: HTTPException) -> Response:
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"Nothing is at {problems.instance_of(request)}."
        return problem_response(request, problems.NOT_FOUND, detail, headers=headers)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return _method_not_allowed(request, headers)
    blank = ProblemType("", error.status_code, HTTPStatus(error.status_code).phrase, "", "")
    return problem_response(request, blank, str(error.detail), headers=headers)


def _method_not_allowed(request: Request, headers: dict[str, str]) -> Response:
    allowed = headers.get("Allow", "")
    if "GET" in allowed.split(", "):
        allowed += ", HEAD"  # see head.py
    detail = f"{request.method} is not supported here; allowed: {allowed}."
    headers["Allow"] = allowed
    return problem_response(request, problems.METHOD_NOT_ALLOWED, detail, headers=headers)


async def _on_invalid_request(request: Request, error: RequestValidationError) -> Response:
    sentences = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return problem_response(request, problems.INVALID_REQUEST, "; ".join(sentences))


async def _on_disconnect(_request: Request, _error: ClientDisconnect) -> Response:
    # Nobody reads this; without it the log would call an aborted upload a bug of ours.
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _on_bug(request: Request, _error: Exception) -> Response:
    # The server raises the exception again after this answer, so that the log has it.
    return problem_response(request, problems.INTERNAL_ERROR, problems.INTERNAL_ERROR.example)


_HANDLERS: dict[type[Exception], Callable[[Request, Any], Awaitable[Response]]] = {
    errors.QueueAppError: _on_own_error,
    HTTPException: _on_http_exception,
    RequestValidationError: _on_invalid_request,
    ClientDisconnect: _on_disconnect,
}


def install(app: FastAPI) -> None:
    """Let every exception of the application answer with a problem."""
    for kind, handler in _HANDLERS.items():
        app.exception_handler(kind)(handler)
    app.exception_handler(Exception)(_on_bug)


async def answer_to(request: Request, error: Exception) -> Response | None:
    """The answer to an exception of an endpoint's; None for one that only a bug explains."""
    for kind, handler in _HANDLERS.items():
        if isinstance(error, kind):
            return await handler(request, error)
    return None
