from http import HTTPStatus

from servicebus_emulator.admin.messages import Request, Response


def test_the_entity_path_is_decoded() -> None:
    assert Request("GET", "/a%2Fb%20c/").entity_path == "a/b c"


def test_a_query_parameter_is_found_by_name() -> None:
    request = Request("GET", "/", "$skip=1&%24top=2")

    assert (request.parameter("$skip"), request.parameter("$top")) == ("1", "2")
    assert request.parameter("other") is None


def test_only_a_response_with_a_body_has_a_type() -> None:
    assert Response(HTTPStatus.OK).headers == {}
    assert "atom+xml" in Response(HTTPStatus.OK, b"<a/>").headers["content-type"]
