"""Header fields of a request, as ASGI hands them over: names in lower case, in bytes.

For what stands before each enqueue: Starlette's `Headers` costs more than the look.
"""

from starlette.types import Scope


def field(scope: Scope, name: bytes) -> str | None:
    """The first value of a field, whose name is in lower case; None when there is none."""
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return None
