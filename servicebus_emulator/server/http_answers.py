"""What the emulator answers over HTTP: its health to everybody, management to who may manage."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from servicebus_emulator.admin.refusals import refusal
from servicebus_emulator.broker.access import Right
from servicebus_emulator.clock import SystemClock
from servicebus_emulator.nodes.address import entity_path
from servicebus_emulator.nodes.sas import InvalidTokenError
from servicebus_emulator.server.http_responses import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from servicebus_emulator.broker.namespace import Namespace
    from servicebus_emulator.clock import Clock
    from servicebus_emulator.nodes.sas import Claim, KeyRing
    from servicebus_emulator.server.control import Control
    from servicebus_emulator.server.http_parser import HttpRequest

_WEBSOCKET = "/$servicebus/websocket"
_CONTROL = "/emulator"
_XML = "application/xml; charset=utf-8"
_HEALTHY = b'{"status":"healthy","message":"Service is healthy."}'


class HttpAnswers:
    """From a request to its response.

    Args:
        namespace: What is managed.
        keys: Against which the Authorization header is checked.
        clock: The broker's time.
        entities_changed: Called after each management request, which may have removed one.
        control: What requests below `/emulator` control.
    """

    def __init__(
        self,
        namespace: Namespace,
        keys: KeyRing,
        clock: Clock,
        entities_changed: Callable[[], None],
        control: Control,
    ) -> None:
        self._namespace = namespace
        self._keys = keys
        self._clock = clock
        self._system = SystemClock()
        self._entities_changed = entities_changed
        self._control = control

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        path, _, query = request.target.partition("?")
        if path == "/health":
            return _health(request.method)
        if path.casefold() == _WEBSOCKET:
            from servicebus_emulator.server.websocket import upgrade  # noqa: PLC0415 (rarely used)

            return upgrade(request)
        if path == _CONTROL or path.startswith(f"{_CONTROL}/"):
            return self._steer(request)
        try:
            claim = self._claim_of(request.headers.get("authorization"), path, request)
        except InvalidTokenError as fault:
            return _unauthorized(str(fault))
        if not claim.allows(entity_path(path), Right.MANAGE, self._system.now()):
            reason = refusal(request.method, entity_path(path), self._namespace)
            if reason is not None:
                return _unauthorized(reason)
        return self._manage(request, path, query, claim)

    def _claim_of(self, token: str | None, path: str, request: HttpRequest) -> Claim:
        """What a token proves, for a resource.

        Raises:
            InvalidTokenError: Nothing, or there is none.
        """
        if token is None:
            raise InvalidTokenError("MissingToken: the Authorization header is missing.")
        # Tokens are minted, and so judged, by the clients' clock.
        audience = f"https://{request.headers.get('host', '')}/{path.lstrip('/')}"
        return self._keys.claim_of_token(token, audience, self._system.now())

    def _manage(self, request: HttpRequest, path: str, query: str, claim: Claim) -> HttpResponse:
        # Imported for the first request: XML is slow to import, and most clients manage nothing.
        from servicebus_emulator.admin.atom import render_error  # noqa: PLC0415
        from servicebus_emulator.admin.messages import Request  # noqa: PLC0415
        from servicebus_emulator.admin.operations import handle  # noqa: PLC0415

        def may_manage(header: str, other: str) -> bool:
            """Whether the client may manage another entity: a token for that one decides."""
            token, proved = request.headers.get(header), claim
            if token is not None:
                try:
                    proved = self._claim_of(token, other, request)
                except InvalidTokenError:
                    return False
            return proved.allows(other, Right.MANAGE, self._system.now())

        fault = self._control.refusal(request.method, entity_path(path))
        if fault is not None:
            status, detail = fault
            return HttpResponse(status, {"Content-Type": _XML}, render_error(status, detail))
        asked = Request(request.method, path, query, request.headers, request.body, may_manage)
        response = handle(asked, self._namespace, self._clock.now())
        self._entities_changed()
        return HttpResponse(int(response.status), response.headers, response.body)

    def _steer(self, request: HttpRequest) -> HttpResponse:
        """Control the emulator: open to every program that reaches the port, to no web page.

        But to its own, which whoever may see: it holds nothing of the namespace.
        """
        from servicebus_emulator.server.web_page import page_for  # noqa: PLC0415 (see below)

        page = page_for(request)
        if page is not None:
            return page
        if _is_from_elsewhere(request):
            return HttpResponse.text(403, "Pages of other sites may not control the emulator.")
        import json  # noqa: PLC0415 (most emulators are never controlled)

        from servicebus_emulator.control.operations import handle  # noqa: PLC0415

        status, document = handle(request.method, request.target, request.body, self._control)
        self._entities_changed()
        if document is None:
            return HttpResponse(status)
        headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
        return HttpResponse(status, headers, f"{json.dumps(document)}\n".encode())


def _is_from_elsewhere(request: HttpRequest) -> bool:
    """Whether a browser sent the request for a page that the emulator has not served."""
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    if origin is not None and origin.partition("://")[2] != host:
        return True
    return request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}


def _health(method: str) -> HttpResponse:
    if method not in {"GET", "HEAD"}:
        return HttpResponse(405, {"Allow": "GET, HEAD"})
    return HttpResponse(200, {"Content-Type": "application/json"}, _HEALTHY)


def _unauthorized(detail: str) -> HttpResponse:
    body = f"<Error><Code>401</Code><Detail>{escape(detail, quote=False)}</Detail></Error>".encode()
    headers = {
        "Content-Type": _XML,
        "WWW-Authenticate": "SharedAccessSignature",
    }
    return HttpResponse(401, headers, body)
