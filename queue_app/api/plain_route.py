"""Routes of the busiest endpoints: FastAPI documents them, and calls them without a detour."""

import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute


class PlainRoute(APIRoute):
    """A route whose endpoint takes the request alone, and answers with a response.

    FastAPI would solve the dependencies of each request, where there are none, and look at what
    the endpoint returns: that takes longer than these endpoints do.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Hand the request to the endpoint.

        Raises:
            TypeError: The endpoint wants something else.
        """
        if list(inspect.signature(self.endpoint).parameters) != ["request"]:
            raise TypeError(f"{self.endpoint.__name__} takes more than the request")
        handler: Callable[[Request], Coroutine[Any, Any, Response]] = self.endpoint
        return handler
