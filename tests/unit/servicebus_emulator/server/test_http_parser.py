from collections.abc import Iterable

import pytest

from servicebus_emulator.server.http_parser import (
    MAX_HEAD_SIZE,
    BadRequestError,
    HttpParser,
    HttpRequest,
)

GET = b"GET /orders?a=b HTTP/1.1\r\nHost: h\r\nAccept: a\r\nACCEPT: b\r\n\r\n"
PUT = b"PUT /orders HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"PUT /orders HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nhel\r\n2;name=value\r\nlo\r\n0\r\nTrailer: ignored\r\n\r\n"
)


def parse(pieces: Iterable[bytes]) -> list[HttpRequest]:
    parser = HttpParser()
    requests = []
    for piece in pieces:
        parser.receive_data(piece)
        while (request := parser.next_request()) is not None:
            requests.append(request)
    return requests


def refusal(data: bytes, *, max_body_size: int = 10) -> int:
    parser = HttpParser(max_body_size=max_body_size)
    parser.receive_data(data)
    with pytest.raises(BadRequestError) as refused:
        parser.next_request()
    return refused.value.status


def put(*fields: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([b"PUT / HTTP/1.1", b"Host: h", *fields, b"", body])


def test_a_get_has_method_target_and_joined_headers() -> None:
    assert parse([GET]) == [
        HttpRequest("GET", "/orders?a=b", {"host": "h", "accept": "a, b"}, b"", keep_alive=True)
    ]


@pytest.mark.parametrize("request_bytes", [PUT, CHUNKED])
def test_a_body_arrives_whole_with_a_length_and_in_chunks(request_bytes: bytes) -> None:
    assert [request.body for request in parse([request_bytes])] == [b"hello"]


@pytest.mark.parametrize("request_bytes", [GET, PUT, CHUNKED, GET + PUT + CHUNKED])
def test_byte_by_byte_is_the_same_as_whole(request_bytes: bytes) -> None:
    pieces = [request_bytes[index : index + 1] for index in range(len(request_bytes))]

    assert parse(pieces) == parse([request_bytes])


def test_requests_in_one_piece_come_out_one_after_the_other() -> None:
    assert [request.method for request in parse([GET + PUT + GET])] == ["GET", "PUT", "GET"]


def test_empty_lines_before_a_request_are_skipped() -> None:
    assert len(parse([b"\r\n\r\n" + GET])) == 1


@pytest.mark.parametrize(
    ("version", "field", "expected"),
    [
        (b"1.1", b"Accept: */*", True),
        (b"1.1", b"Connection: close", False),
        (b"1.0", b"Accept: */*", False),
        (b"1.0", b"Connection: Keep-Alive", True),
    ],
)
def test_the_connection_is_kept_as_the_version_says(
    version: bytes, field: bytes, *, expected: bool
) -> None:
    [request] = parse([b"GET / HTTP/" + version + b"\r\nHost: h\r\n" + field + b"\r\n\r\n"])

    assert request.keep_alive is expected


def test_a_client_that_waits_for_continue_is_known_until_its_body_is_there() -> None:
    parser = HttpParser()
    parser.receive_data(put(b"Content-Length: 2", b"Expect: 100-continue"))
    waits = parser.next_request() is None and parser.wants_continue
    parser.receive_data(b"ab")
    request = parser.next_request()

    assert request is not None
    assert (waits, request.body, parser.wants_continue) == (True, b"ab", False)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x00\x01garbage\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (put(b" folded: header", body=b""), 400),
        (put(b"name : value"), 400),
        (put(b"name"), 400),
        (put(b"Content-Length: -1"), 400),
        (put(b"Content-Length: 1", b"Content-Length: 2"), 400),
        (put(b"Content-Length: 1", b"Transfer-Encoding: chunked"), 400),
        (put(b"Transfer-Encoding: gzip, chunked"), 400),
        (put(b"Content-Length: 11"), 413),
        (put(b"Transfer-Encoding: chunked", body=b"b\r\n"), 413),
        (put(b"Transfer-Encoding: chunked", body=b"zz\r\n"), 400),
        (put(b"Transfer-Encoding: chunked", body=b"1\r\nabcd"), 400),
        (put(b"Transfer-Encoding: chunked", body=b"1" * 300), 400),
        (put(b"Transfer-Encoding: chunked", body=b"0\r\n" + b"a" * MAX_HEAD_SIZE), 400),
        (b"GET /" + b"a" * MAX_HEAD_SIZE, 431),
    ],
)
def test_what_is_no_request_is_refused_with_the_right_status(data: bytes, status: int) -> None:
    assert refusal(data) == status
