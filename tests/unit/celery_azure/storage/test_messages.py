import pytest

from celery_azure.storage.messages import Answer, AnswerParser, BrokenAnswerError

SIZED = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "0x1"\r\n\r\nhello'
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nhel\r\n2;note=x\r\nlo\r\n0\r\nTrailer: x\r\n\r\n"
)


def parse(data: bytes, method: str = "GET") -> Answer:
    answer = AnswerParser(method).feed(data)
    assert answer is not None
    return answer


def test_an_answer_has_status_headers_and_body() -> None:
    answer = parse(SIZED)
    assert (answer.status, answer.body) == (200, b"hello")
    assert answer.headers["etag"] == '"0x1"'
    assert not answer.is_last


def test_chunks_are_joined() -> None:
    assert parse(CHUNKED).body == b"hello"


@pytest.mark.parametrize("data", [SIZED, CHUNKED])
def test_an_answer_may_come_byte_by_byte(data: bytes) -> None:
    parser = AnswerParser("GET")
    for position in range(len(data) - 1):
        assert parser.feed(data[position : position + 1]) is None
    answer = parser.feed(data[-1:])
    assert answer is not None
    assert answer.body == b"hello"


@pytest.mark.parametrize("data", [SIZED, CHUNKED])
def test_bytes_behind_an_answer_make_it_the_last(data: bytes) -> None:
    assert parse(data + b"x").is_last


@pytest.mark.parametrize("data", [SIZED, CHUNKED])
def test_an_answer_that_breaks_off_is_an_error(data: bytes) -> None:
    for end in range(len(data)):
        parser = AnswerParser("GET")
        assert parser.feed(data[:end]) is None
        with pytest.raises(BrokenAnswerError):
            parser.end()


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    parser = AnswerParser("GET")
    assert parser.feed(b"HTTP/1.1 500 Oops\r\n\r\nsorry") is None
    answer = parser.end()
    assert (answer.status, answer.body, answer.is_last) == (500, b"sorry", True)


def test_an_answer_to_head_has_a_length_and_no_body() -> None:
    answer = parse(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD")
    assert (answer.headers["content-length"], answer.body) == ("5", b"")


@pytest.mark.parametrize("status", [204, 304])
def test_some_answers_never_have_a_body(status: int) -> None:
    assert parse(b"HTTP/1.1 %d X\r\n\r\n" % status).body == b""


def test_interim_answers_are_skipped() -> None:
    assert parse(b"HTTP/1.1 100 Continue\r\n\r\n" + SIZED).body == b"hello"


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: Close", b"HTTP/1.0 200 OK"])
def test_a_service_may_close_after_its_answer(head: bytes) -> None:
    assert parse(head + b"\r\nContent-Length: 0\r\n\r\n").is_last


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"x" * 70_000,
    ],
)
def test_what_is_not_http_is_an_error(data: bytes) -> None:
    with pytest.raises(BrokenAnswerError):
        AnswerParser("GET").feed(data)


def test_it_tells_whether_anything_has_come() -> None:
    parser = AnswerParser("GET")
    assert not parser.has_begun
    parser.feed(b"H")
    assert parser.has_begun
