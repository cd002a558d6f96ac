"""What it costs to read and to write a small blob: ours, and the clients that it was chosen over.

All sign with the shared key, keep their connection and talk to the same Azurite. CPU of this thread
is counted: the rates are Azurite's, which serves about a thousand requests a second.
"""

from __future__ import annotations

import asyncio
import http.client
import logging
import time
from contextlib import ExitStack
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from benchmarks.figures import OURS, Row
from celery_azure.blobs import API_PATIENCE, AsyncBlobContainer, BlobContainer
from celery_azure.connection import parse_blob_account
from celery_azure.storage import operations
from celery_azure.storage.account import storage_account

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.bench import Bench
    from celery_azure.storage.messages import Request

SDK = "azure-storage-blob"
OURS_ASYNC = "ours, on an event loop"
HTTP_CLIENT = "http.client, signed by us"
AIOHTTP = "aiohttp, signed by us"

_CONTAINER, _NAME, _CONTENT = "bench", "blob-cost", b"x" * 500
_READ = operations.read(_CONTAINER, _NAME).request
_WRITE = operations.write(_CONTAINER, _NAME, _CONTENT).request


def measure(bench: Bench) -> list[Row]:
    """Read and write the same blob with each client in turn."""
    rows = {
        "GET": Row("CPU to read a blob of 500 B", "ms", SDK, "≤ 1/5 of the SDK's"),
        "PUT": Row("CPU to write a blob of 500 B", "ms", SDK, "≤ 1/5 of the SDK's"),
    }
    logging.getLogger("azure").setLevel(logging.WARNING)
    text = bench.stack.endpoints.blob_connection_string
    count = bench.choose(500, 50)
    with ExitStack() as cleanup:
        contenders = {SDK: _sdk(text, cleanup), OURS: _ours(text, cleanup)}
        contenders[HTTP_CLIENT] = _http_client(text, cleanup)
        contenders[OURS_ASYNC] = lambda method, times: asyncio.run(_async(text, method, times))
        try:
            import aiohttp  # noqa: F401, PLC0415 - measured where it is installed
        except ImportError:
            for row in rows.values():
                row.left_out[AIOHTTP] = "not installed"
        else:
            contenders[AIOHTTP] = lambda method, times: asyncio.run(_aiohttp(text, method, times))
        for method in ("PUT", "GET"):
            for run in contenders.values():
                run(method, 20)
        for _ in bench.rounds(5):
            for name, run in contenders.items():
                for method, row in rows.items():
                    row.add(name, run(method, count) / count * 1000)
    return list(rows.values())


def _timed(call: Callable[[], Any], times: int) -> float:
    """CPU seconds of this thread for so many calls."""
    begin = time.thread_time()
    for _ in range(times):
        call()
    return time.thread_time() - begin


def _sdk(text: str, cleanup: ExitStack) -> Callable[[str, int], float]:
    service = cleanup.enter_context(parse_blob_account(text).client())
    container = service.get_container_client(_CONTAINER)
    if not container.exists():
        container.create_container()
    calls: dict[str, Callable[[], Any]] = {
        "GET": lambda: container.download_blob(_NAME).readall(),
        "PUT": lambda: container.upload_blob(_NAME, _CONTENT, overwrite=True),
    }
    return lambda method, times: _timed(calls[method], times)


def _ours(text: str, cleanup: ExitStack) -> Callable[[str, int], float]:
    blobs = BlobContainer(parse_blob_account(text), _CONTAINER, API_PATIENCE)
    cleanup.callback(blobs.close)
    calls: dict[str, Callable[[], Any]] = {
        "GET": lambda: blobs.read(_NAME),
        "PUT": lambda: blobs.write(_NAME, _CONTENT),
    }
    return lambda method, times: _timed(calls[method], times)


def _http_client(text: str, cleanup: ExitStack) -> Callable[[str, int], float]:
    account = storage_account(parse_blob_account(text))
    connection = http.client.HTTPConnection(account.host, account.port)
    cleanup.callback(connection.close)

    def call(request: Request) -> None:
        target, headers = _signed(text, request)
        connection.request(request.method, target, request.body or None, headers)
        answer = connection.getresponse()
        answer.read()
        _check(answer.status)

    def run(method: str, times: int) -> float:
        connection.close()  # the service may have ended it while others were measured
        request = {"GET": _READ, "PUT": _WRITE}[method]
        return _timed(lambda: call(request), times)

    return run


async def _async(text: str, method: str, times: int) -> float:
    blobs = AsyncBlobContainer(parse_blob_account(text), _CONTAINER, API_PATIENCE)
    await blobs.read(_NAME)
    begin = time.thread_time()
    for _ in range(times):
        if method == "GET":
            await blobs.read(_NAME)
        else:
            await blobs.write(_NAME, _CONTENT)
    spent = time.thread_time() - begin
    blobs.close()
    await asyncio.sleep(0)
    return spent


async def _aiohttp(text: str, method: str, times: int) -> float:
    import aiohttp  # noqa: PLC0415 - measured where it is installed

    account = storage_account(parse_blob_account(text))
    request = {"GET": _READ, "PUT": _WRITE}[method]
    async with aiohttp.ClientSession(f"http://{account.host}:{account.port}") as session:

        async def call() -> None:
            target, headers = _signed(text, request)
            body = request.body or None
            async with session.request(request.method, target, data=body, headers=headers) as reply:
                await reply.read()
                _check(reply.status)

        await call()
        begin = time.thread_time()
        for _ in range(times):
            await call()
        return time.thread_time() - begin


def _signed(text: str, request: Request) -> tuple[str, dict[str, str]]:
    """The target and the headers of a request, as every client is to send them."""
    account = storage_account(parse_blob_account(text))
    date = formatdate(time.time(), usegmt=True)  # noqa: TID251 - a signature names the time
    head = account.render(request, date).partition(b"\r\n\r\n")[0].decode()
    line, _, *lines = head.split("\r\n")
    return line.split(" ")[1], dict(text.split(": ", 1) for text in lines)


def _check(status: int) -> None:
    if status not in (200, 201):
        raise RuntimeError(f"Azurite answered {status}")
