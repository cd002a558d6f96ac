"""Requests as bytes: what no client library would send."""

import contextlib
import socket
from urllib.parse import urlsplit

import pytest

from harness.pytest_plugin import RunningApp

GET = b"GET /healthz HTTP/1.1\r\nHost: api\r\n"
POST = b"POST /enqueue/ HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
BODY = b'{"n":1}'
ENDLESS = 5_000_000


def ask(app: RunningApp, request: bytes) -> bytes:
    """Send bytes; all that comes back until the server hangs up."""
    url = urlsplit(app.url)
    with socket.create_connection((url.hostname, url.port), timeout=30) as connection:
        answer = b""
        # A server that refuses early may reset what is still being sent.
        with contextlib.suppress(ConnectionError):
            connection.sendall(request)
        with contextlib.suppress(ConnectionError):
            while data := connection.recv(65_536):
                answer += data
        return answer


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"\x00\x01\x02\r\n\r\n", id="no HTTP"),
        pytest.param(b"GET /healthz HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(GET + b"Host: other\r\n\r\n", id="two hosts"),
        pytest.param(GET + b"X Y: 1\r\n\r\n", id="a space in a name"),
        pytest.param(GET + b"X: a\x00b\r\n\r\n", id="a NUL in a value"),
        pytest.param(
            POST + b"Content-Length: 7\r\nContent-Length: 8\r\n\r\n" + BODY, id="two lengths"
        ),
        pytest.param(POST + b"Content-Length: +7\r\n\r\n" + BODY, id="a length with a sign"),
        pytest.param(
            POST + b"Transfer-Encoding: xchunked\r\n\r\n7\r\n" + BODY + b"\r\n0\r\n\r\n",
            id="a coding that is none",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\n\r\n7\r\n" + BODY + b"XX0\r\n\r\n",
            id="a chunk that is longer than it says",
        ),
    ],
)
def test_a_malformed_request_is_answered_with_400(running_app: RunningApp, request_: bytes) -> None:
    assert ask(running_app, request_).startswith(b"HTTP/1.1 400 ")


def test_a_head_without_an_end_is_cut_off(running_app: RunningApp) -> None:
    answer = ask(running_app, GET + b"X: " + b"a" * ENDLESS)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")  # a reset can lose it


def test_a_body_that_is_announced_too_long_is_refused_before_it_is_sent(
    running_app: RunningApp,
) -> None:
    head = b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 300000\r\n\r\n"
    assert ask(running_app, POST + head).startswith(b"HTTP/1.1 413 ")


def test_a_body_is_asked_for_before_it_is_sent(running_app: RunningApp) -> None:
    head = b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: 7\r\n\r\n"
    answer = ask(running_app, POST + head + BODY)
    assert answer.startswith(b"HTTP/1.1 100 ")
    assert b"HTTP/1.1 200 " in answer
