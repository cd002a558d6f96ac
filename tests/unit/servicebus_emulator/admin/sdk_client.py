"""The SDK's admin client without a wire: what it asks is answered by a function."""

from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from azure.core.pipeline.transport import HttpRequest, HttpResponse, HttpTransport

from servicebus_emulator.admin.messages import Request, Response
from servicebus_emulator.admin.operations import handle
from servicebus_emulator.broker.namespace import Namespace

NOW = 1_700_000_000.0


class Answer(HttpResponse):
    def __init__(self, request: HttpRequest, response: Response) -> None:
        super().__init__(request, None)
        self.status_code = response.status.value
        self.reason = response.status.phrase
        self.headers = dict(response.headers)
        self.content_type = self.headers.get("content-type")
        self._body = response.body

    def body(self) -> bytes:
        return self._body


class Wire(HttpTransport[HttpRequest, Any]):
    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None: ...

    def open(self) -> None: ...

    def close(self) -> None: ...

    def send(self, request: HttpRequest, **_: Any) -> HttpResponse:
        url = urlsplit(request.url)
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.data if isinstance(request.data, bytes) else b""
        asked = Request(request.method, url.path, url.query, headers, body)
        return Answer(request, handle(asked, self._namespace, NOW))
