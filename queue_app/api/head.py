"""HEAD wherever there is GET, as RFC 9110 (section 9.1) wants of every server."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

IS_HEAD = "queue_app.is_head"
"""In the scope of a request whose body nobody will see: an endless one need not begin."""


class HeadAsGet:
    """Answers HEAD as GET would, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET", IS_HEAD: True}, receive, send_without_body)
