import pytest
from starlette.types import Receive, Scope, Send

from queue_app.api.request_heads import MAX_HEAD_BYTES, guard
from tests.unit.queue_app.api.wire import GuardedProtocol, Wire

HEAD = b"GET / HTTP/1.1\r\nHost: api\r\n"


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    length = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": b""})


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"\r\n",
        HEAD + b"X: " + b"a" * (MAX_HEAD_BYTES - 100) + b"\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
    ],
)
async def test_a_head_within_the_limits_reaches_the_application(head: bytes) -> None:
    wire = Wire(answer)
    assert await wire.send(head) == [b"200"]
    wire.end()


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"GET / HTTP/1.1\r\n\r\n"], id="no host"),
        pytest.param([HEAD + b"Host: other\r\n\r\n"], id="two hosts"),
        pytest.param([HEAD + b"X: " + b"a" * MAX_HEAD_BYTES + b"\r\n\r\n"], id="a long value"),
        pytest.param([b"GET /" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n"], id="a long target"),
        pytest.param([HEAD + b"X: ", *[b"a" * 1000] * 66], id="a value that does not end"),
        pytest.param([HEAD, *[b"X: 1\r\n" * 100] * 110], id="names that do not end"),
    ],
)
async def test_another_head_is_answered_with_400_and_the_connection_closed(
    pieces: list[bytes],
) -> None:
    wire = Wire(answer)
    if pieces[0].startswith(b"GET /a"):
        pieces = [pieces[0], b"Host: api\r\n\r\n"]
    assert await wire.send(*pieces) == [b"400"]
    assert wire.is_closed
    wire.end()


async def test_the_body_before_a_head_does_not_count() -> None:
    body = b"a" * 2 * MAX_HEAD_BYTES
    post = b"POST / HTTP/1.1\r\nHost: api\r\nContent-Length: %d\r\n\r\n" % len(body)
    wire = Wire(answer)
    assert await wire.send(post + body + HEAD[:20], HEAD[20:] + b"\r\n") == [b"200", b"200"]
    wire.end()


def test_guarding_again_changes_nothing() -> None:
    before = dict(vars(GuardedProtocol))
    guard(GuardedProtocol)
    assert dict(vars(GuardedProtocol)) == before
