"""What the emulator answers over HTTP: its health to everybody, management to who may manage."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from servicebus_emulator.clock import SystemClock
from servicebus_emulator.nodes.address import entity_path
from servicebus_emulator.nodes.sas import InvalidTokenError, Right
from servicebus_emulator.server.http_responses import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.clock import Clock
    from servicebus_emulator.nodes.sas import KeyRing
    from servicebus_emulator.server.http_parser import HttpRequest

_HEALTHY = b'{"status":"healthy","message":"Service is healthy."}'


class HttpAnswers:
    """From a request to its response.

    Args:
        namespace: What is managed.
        keys: Against which the Authorization header is checked.
        clock: The broker's time.
        entities_changed: Called after each management request, which may have removed one.
    """

    def __init__(
        self,
        namespace: Namespace,
        keys: KeyRing,
        clock: Clock,
        entities_changed: Callable[[], None],
    ) -> None:
        self._namespace = namespace
        self._keys = keys
        self._clock = clock
        self._system = SystemClock()
        self._entities_changed = entities_changed

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        path, _, query = request.target.partition("?")
        if path == "/health":
            return _health(request.method)
        refusal = self._refusal(request, path)
        if refusal is not None:
            return refusal
        return self._manage(request, path, query)

    def _refusal(self, request: HttpRequest, path: str) -> HttpResponse | None:
        """Why the client may not manage; None when it may."""
        token = request.headers.get("authorization")
        if token is None:
            return _unauthorized("MissingToken: the Authorization header is missing.")
        now = self._system.now()  # tokens are minted, and so judged, by the clients' clock
        try:
            claim = self._keys.claim_of_token(token, path, now)
        except InvalidTokenError as refusal:
            return _unauthorized(str(refusal))
        if not claim.allows(entity_path(path), Right.MANAGE, now):
            return _unauthorized("InvalidClaims: Manage,EntityRead claims are required.")
        return None

    def _manage(self, request: HttpRequest, path: str, query: str) -> HttpResponse:
        # Imported for the first request: XML is slow to import, and most clients manage nothing.
        from servicebus_emulator.admin.messages import Request  # noqa: PLC0415
        from servicebus_emulator.admin.operations import handle  # noqa: PLC0415

        asked = Request(request.method, path, query, request.headers, request.body)
        response = handle(asked, self._namespace, self._clock.now())
        self._entities_changed()
        return HttpResponse(int(response.status), response.headers, response.body)


def _health(method: str) -> HttpResponse:
    if method not in {"GET", "HEAD"}:
        return HttpResponse(405, {"Allow": "GET, HEAD"})
    return HttpResponse(200, {"Content-Type": "application/json"}, _HEALTHY)


def _unauthorized(detail: str) -> HttpResponse:
    body = f"<Error><Code>401</Code><Detail>{escape(detail)}</Detail></Error>".encode()
    headers = {
        "Content-Type": "application/xml; charset=utf-8",
        "WWW-Authenticate": "SharedAccessSignature",
    }
    return HttpResponse(401, headers, body)
