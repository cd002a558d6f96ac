import pytest

from benchmarks.http_load import Answers, request_bytes

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BAD = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 3\r\nX-Other: 1\r\n\r\nno!"


def test_answers_are_found_in_one_piece() -> None:
    assert Answers().feed(OK + BAD) == [200, 503]


def test_answers_are_found_byte_by_byte() -> None:
    answers = Answers()
    codes = [answers.feed(bytes((byte,))) for byte in OK + BAD]
    assert [code for found in codes for code in found] == [200, 503]
    assert codes[len(OK) - 1] == [200]


def test_an_answer_without_a_length_is_refused() -> None:
    with pytest.raises(ValueError, match="Content-Length"):
        Answers().feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")


def test_a_get_has_no_body() -> None:
    assert request_bytes("GET", "/") == b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def test_a_post_tells_its_length() -> None:
    head, _, body = request_bytes("POST", "/enqueue/", b'{"a":1}').partition(b"\r\n\r\n")
    assert b"Content-Length: 7" in head
    assert b"Content-Type: application/json" in head
    assert body == b'{"a":1}'
