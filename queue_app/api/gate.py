"""What every request passes: keys, rates, metrics and security headers, in one ASGI middleware.

One instead of four, and none of Starlette's `BaseHTTPMiddleware`: it stands before each enqueue.
"""

import logging
import math
import time
from typing import Any

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from queue_app.api import problems
from queue_app.api.live_response import DIRECT_SEND
from queue_app.api.metrics import Metrics
from queue_app.api.openapi import OPEN_PATHS
from queue_app.api.parameters import CALLER
from queue_app.api.problems import problem_response
from queue_app.api.responses import ProblemResponse
from queue_app.api_keys import ApiKeys
from queue_app.rate_limit import RateLimit

_log = logging.getLogger(__name__)

_OPEN_BELOW = ("/problems/", "/ui")
_WAITING = (b"wait=", b"follow=")
_NO_KEY = "A key is needed: Authorization: Bearer <key>."
_UNKNOWN_KEY = "The key is not known."

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
]
_POLICY = (
    b"content-security-policy",
    b"; ".join(
        (
            b"default-src 'none'",
            b"script-src 'self'",
            b"style-src 'self'",
            b"img-src 'self' data:",
            b"connect-src 'self'",
            b"base-uri 'none'",
            b"form-action 'none'",
            b"frame-ancestors 'none'",
            b"require-trusted-types-for 'script'",
        )
    ),
)
_GUARDED_HEADERS = [*_HEADERS, _POLICY]


class Gate:
    """Refuses who may not pass; counts and dresses every answer."""

    def __init__(self, app: ASGIApp, keys: ApiKeys, rate: RateLimit, metrics: Metrics) -> None:
        self._app = app
        self._keys = keys
        self._rate = rate
        self._metrics = metrics
        self._is_warned = bool(keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = route_path(scope)
        # The page of the API's documentation loads its scripts from elsewhere.
        added = _HEADERS if path == "/docs" else _GUARDED_HEADERS
        status = 500
        began = time.perf_counter()

        async def send_dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *added]
            await send(message)

        try:
            refusal = self._refusal(scope, path)
            if refusal is None:
                scope[DIRECT_SEND] = send
                await self._app(scope, receive, send_dressed)
            else:
                await refusal(scope, receive, send_dressed)
        finally:
            # Else scope and server refer to each other until the garbage collector comes.
            scope.pop(DIRECT_SEND, None)
            self._count(scope, path, status, time.perf_counter() - began)

    def _refusal(self, scope: Scope, path: str) -> ProblemResponse | None:
        if not self._is_warned:
            self._warn_when_exposed(scope)
        if not self._keys and not self._rate:
            return None
        if path in OPEN_PATHS or path.startswith(_OPEN_BELOW):
            return None
        client = scope.get("client")
        caller_name = client[0] if client else "unknown"
        if self._keys:
            key = _presented_key(Headers(scope=scope))
            caller = self._keys.caller(key)
            if caller is None:
                return _refuse(
                    scope,
                    problems.UNAUTHENTICATED,
                    _UNKNOWN_KEY if key else _NO_KEY,
                    {"WWW-Authenticate": 'Bearer realm="queue"'},
                )
            needed = scope_needed(scope["method"], path)
            if needed not in caller.scopes:
                return _refuse(
                    scope, problems.FORBIDDEN, f"The key has not the scope {needed!r}.", {}
                )
            caller_name = scope[CALLER] = caller.name
        seconds = self._rate.wait(caller_name) if self._rate else 0
        if seconds:
            wait = str(max(1, math.ceil(seconds)))
            return _refuse(
                scope,
                problems.TOO_MANY_REQUESTS,
                f"{caller_name} asks too often; try again in {wait} s.",
                {"Retry-After": wait},
            )
        return None

    def _warn_when_exposed(self, scope: Scope) -> None:
        server = scope.get("server")
        address = str(server[0]) if server else ""
        if address.startswith("127.") or address in {"::1", "localhost", "testserver", "", "api"}:
            return
        self._is_warned = True
        _log.warning(
            "ANYBODY WHO REACHES %s MAY USE THIS API: it is bound to an address beyond loopback, "
            "and API_KEYS is not set. See docs/threat-model.md.",
            address,
        )

    def _count(self, scope: Scope, path: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        query: bytes = scope["query_string"]
        waits = route.endswith("/events") or (query and any(word in query for word in _WAITING))
        self._metrics.answered(scope["method"], route, status, None if waits else seconds)
        if scope["method"] == "POST" and path in {"/enqueue/", "/enqueue"}:
            self._metrics.jobs(status)


def route_path(scope: Scope) -> str:
    """The path as the router sees it: behind a prefix that the server or a mount has added."""
    path: str = scope["path"]
    prefix: str = scope.get("root_path", "")
    rest = path.removeprefix(prefix)
    return rest if rest == "" or rest.startswith("/") else path


def scope_needed(method: str, path: str) -> str:
    """The scope that a key needs for a request."""
    if path.startswith("/dead-letters"):
        return "admin"
    if path.startswith("/enqueue") or method == "DELETE":
        return "enqueue"
    return "read"


def _presented_key(headers: Headers) -> str:
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    return headers.get("x-api-key", "")


def _refuse(
    scope: Scope, problem: problems.ProblemType, detail: str, headers: dict[str, str]
) -> ProblemResponse:
    request: Request[Any] = Request(scope)
    return problem_response(request, problem, detail, headers=headers)
