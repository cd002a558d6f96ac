from loadtests.null_server import Requests

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"


def test_requests_are_counted_in_one_piece() -> None:
    assert Requests().feed(GET + POST + GET) == 3


def test_requests_are_counted_byte_by_byte_when_they_are_complete() -> None:
    requests = Requests()
    counts = [requests.feed(bytes((byte,))) for byte in POST + GET]
    assert sum(counts) == 2
    assert counts[len(POST) - 1] == 1
    assert counts[-1] == 1
