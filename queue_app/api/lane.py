"""A lane of their own for the busiest endpoints, past the layers that the others need.

Starlette and FastAPI ask each route whether a request is meant for it, and stand ready for
exceptions in three places and for files to be closed: together that takes longer than these
endpoints do. The routes stay where they are, too, for the OpenAPI document, and for requests that
are traced, whose spans FastAPI makes on its way.
"""

from collections.abc import Iterable

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from queue_app.api import exception_handlers
from queue_app.api.gate import route_path
from queue_app.api.plain_route import PlainRoute


class Lane:
    """Calls the endpoints of some routes; what is not for them goes on to the application.

    Args:
        app: where everything else goes.
        routes: whose paths are fixed, or end in their only parameter.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[PlainRoute]) -> None:
        self._app = app
        self._fixed: dict[tuple[str, str], PlainRoute] = {}
        self._open: dict[tuple[str, str], tuple[PlainRoute, str]] = {}
        for route in routes:
            head, _, name = route.path.removesuffix("}").partition("{")
            for method in route.methods or ():
                if name:
                    self._open[method, head] = route, name
                else:
                    self._fixed[method, head] = route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        route = self._find(scope) if scope["type"] == "http" else None
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = route  # as the router would
        request = Request(scope, receive)
        try:
            response = await route.endpoint(request)
        except Exception as error:
            response = await exception_handlers.answer_to(request, error)
            if response is None:
                raise
        await response(scope, receive, send)

    def _find(self, scope: Scope) -> PlainRoute | None:
        """The route that is meant, as the router would find it; its parameter is in the scope."""
        path, method = route_path(scope), scope["method"]
        route = self._fixed.get((method, path))
        if route is not None:
            scope["path_params"] = {}
            return route
        start = path.rfind("/") + 1
        route, name = self._open.get((method, path[:start]), (None, ""))
        if route is None or start == len(path):
            return None
        scope["path_params"] = {name: path[start:]}
        return route
