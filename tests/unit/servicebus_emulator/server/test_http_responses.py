from servicebus_emulator.server.http_responses import HttpResponse, encode


def test_a_response_has_status_headers_length_and_body() -> None:
    response = HttpResponse(201, {"Content-Type": "application/xml"}, b"<a/>")

    assert encode(response, "PUT", close=False) == (
        b"HTTP/1.1 201 Created\r\n"
        b"Content-Type: application/xml\r\n"
        b"Content-Length: 4\r\n"
        b"Connection: keep-alive\r\n\r\n"
        b"<a/>"
    )


def test_a_head_request_gets_the_head_alone() -> None:
    encoded = encode(HttpResponse.text(200, "hello"), "HEAD", close=True)

    assert encoded.endswith(b"Content-Length: 6\r\nConnection: close\r\n\r\n")


def test_no_content_has_no_length() -> None:
    assert b"Content-Length" not in encode(HttpResponse(204), "DELETE", close=False)


def test_a_value_cannot_smuggle_in_a_header() -> None:
    encoded = encode(HttpResponse(200, {"A": "b\r\nEvil: c"}), "GET", close=False)

    assert b"\r\nEvil" not in encoded


def test_an_unusual_status_still_makes_a_status_line() -> None:
    assert encode(HttpResponse(418), "GET", close=False).startswith(b"HTTP/1.1 418 Unknown\r\n")
