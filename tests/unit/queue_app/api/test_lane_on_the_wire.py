"""On the wire, too, the lane answers as the router would, whatever requests look like."""

import re

import pytest
from fastapi import FastAPI

from queue_app.api.application import create_app
from queue_app.api_keys import digest_of
from queue_app.producer import InMemoryProducer
from queue_app.settings import Settings
from tests.unit.queue_app.api.test_lane import is_lane
from tests.unit.queue_app.api.wire import Wire

HOST = b"Host: api\r\n"
JSON = b"Content-Type: application/json\r\n"
TWO = b"Content-Length: 2\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
UUID = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def post(*fields: bytes, path: bytes = b"/enqueue/", version: bytes = b"1.1") -> bytes:
    return b"POST %b HTTP/%b\r\n" % (path, version) + HOST + b"".join(fields) + b"\r\n"


def other(method: bytes, path: bytes, *fields: bytes) -> bytes:
    return b"%b %b HTTP/1.1\r\n" % (method, path) + HOST + b"".join(fields) + b"\r\n"


REQUESTS = [
    pytest.param([post(JSON, TWO) + b"{}"], [b"200"], id="a job"),
    pytest.param([post(JSON, TWO), b"{", b"}"], [b"200"], id="a body in pieces"),
    pytest.param([2 * (post(JSON, TWO) + b"{}")], [b"200", b"200"], id="two in one read"),
    pytest.param([post(JSON, CHUNKED) + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"], [b"200"], id="chunks"),
    pytest.param([post(JSON, TWO, version=b"1.0") + b"{}"], [b"200"], id="HTTP/1.0"),
    pytest.param([post(JSON, TWO, b"Connection: close\r\n") + b"{}"], [b"200"], id="the last"),
    pytest.param(
        [post(JSON, TWO, b"Expect: 100-continue\r\n"), b"{}"], [b"100", b"200"], id="continue"
    ),
    pytest.param(
        [post(JSON, b"Content-Length: 1001\r\nExpect: 100-continue\r\n")], [b"413"], id="too long"
    ),
    pytest.param([post(JSON, TWO, TWO) + b"{}"], [b"400"], id="two lengths"),
    pytest.param([post(JSON, b"Content-Length: -2\r\n") + b"{}"], [b"400"], id="below zero"),
    pytest.param([post(JSON, TWO, CHUNKED) + b"{}"], [b"400"], id="a length beside chunks"),
    pytest.param([post(JSON)], [b"400"], id="no body"),
    pytest.param([post(TWO) + b"{}"], [b"415"], id="no type"),
    pytest.param(
        [post(b"Content-Type: application/json; charset=latin-1\r\n", TWO) + b"{}"],
        [b"415"],
        id="another charset",
    ),
    pytest.param(
        [post(b"Content-Type: Application/JSON ; Charset=UTF-8\r\n", TWO) + b"{}"],
        [b"200"],
        id="the charset",
    ),
    pytest.param([post(JSON, TWO) + b"[]"], [b"422"], id="no object"),
    pytest.param([post(JSON, TWO, path=b"/enqueue") + b"{}"], [b"200"], id="no slash"),
    pytest.param([post(JSON, TWO, path=b"/enqueue/?delay=1") + b"{}"], [b"200"], id="a delay"),
    pytest.param([post(JSON, TWO, path=b"/enqueue/?delay=x") + b"{}"], [b"422"], id="a bad delay"),
    pytest.param([post(JSON, TWO, b"Idempotency-Key: k\r\n") + b"{}"], [b"200"], id="a key"),
    pytest.param(
        [post(JSON, TWO, b"X-Request-ID: 7\r\nOrigin: http://elsewhere\r\n") + b"{}"],
        [b"200"],
        id="from elsewhere",
    ),
    pytest.param([other(b"OPTIONS", b"/enqueue/")], [b"405"], id="options"),
    pytest.param([other(b"HEAD", b"/enqueue/")], [b"405"], id="the head of none"),
    pytest.param([other(b"PUT", b"/enqueue/", JSON, TWO) + b"{}"], [b"405"], id="another method"),
    pytest.param([other(b"GET", b"/status/a")], [b"200"], id="a status"),
    pytest.param([other(b"HEAD", b"/status/a")], [b"200"], id="the head of a status"),
    pytest.param([other(b"GET", b"/status/a%00")], [b"404"], id="no id"),
    pytest.param(
        [other(b"GET", b"/status/a", b"If-None-Match: *\r\n")],
        [b"304"],
        id="a known status",
    ),
    pytest.param([other(b"GET", b"/status/a", TWO) + b"{}"], [b"200"], id="a body of no use"),
]


def both(settings: Settings) -> tuple[FastAPI, FastAPI]:
    """The application, and the same one without a lane."""
    ours, plain = (create_app(settings, InMemoryProducer(lambda: 0.0)) for _ in range(2))
    plain.user_middleware = [one for one in plain.user_middleware if not is_lane(one)]
    return ours, plain


@pytest.mark.parametrize(("pieces", "codes"), REQUESTS)
async def test_a_request_has_the_same_answer(
    settings: Settings, pieces: list[bytes], codes: list[bytes]
) -> None:
    ours, plain = map(Wire, both(settings))
    assert await ours.send(*pieces) == codes
    assert await plain.send(*pieces) == codes
    assert UUID.sub(b"ID", ours.written) == UUID.sub(b"ID", plain.written)
    assert ours.is_closed == plain.is_closed
    ours.end()
    plain.end()


@pytest.mark.parametrize(
    ("field", "code"),
    [(b"", b"401"), (b"Authorization: Bearer none\r\n", b"401"), (b"X-API-Key: key\r\n", b"200")],
)
async def test_a_key_is_asked_for_all_the_same(
    settings: Settings, field: bytes, code: bytes
) -> None:
    keyed = Settings.model_validate(
        settings.model_dump() | {"api_keys": f"me:enqueue:{digest_of('key')}"}
    )
    for wire in map(Wire, both(keyed)):
        assert await wire.send(post(JSON, TWO, field) + b"{}") == [code]
        wire.end()


async def test_a_client_that_leaves_in_the_middle_enqueues_nothing(settings: Settings) -> None:
    for app in both(settings):
        wire = Wire(app)
        wire.feed(post(JSON, TWO), b"{")
        wire.end()
        assert await wire.send() == []
        assert app.state.context.services.producer.payloads == {}
